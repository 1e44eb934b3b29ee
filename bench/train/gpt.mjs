// usage: node gpt.mjs LAYERS HEADS WIDTH CONTEXT ROWS   prints GPT-2's architecture as a graph of
// tensors that twc train takes.

const [layers, heads, wide, context, rows] = process.argv.slice(2).map(Number);
const size = wide / heads, deep = 0.02 / Math.sqrt(2 * layers);
const at = `[t < ${context}]`, put = (line) => console.log(line);

function norm(name, x) {
	put(`param ${name}.g [${wide}] = 1\nparam ${name}.b [${wide}] = 0`);
	put(`${name}.mean ${at} = sum(${x}[t, r] for r < ${wide}) / ${wide}`);
	const d = `(${x}[t, r] - ${name}.mean[t])`;
	put(`${name}.rstd ${at} = 1 / sqrt(sum(${d} * ${d} for r < ${wide}) / ${wide} + 0.00001)`);
	put(`${name} ${at}[c < ${wide}] = (${x}[t, c] - ${name}.mean[t]) * ${name}.rstd[t] * ` +
		`${name}.g[c] + ${name}.b[c]`);
	return name;
}

function dense(name, x, n, m, spread) {
	put(`param ${name}.w [${m}][${n}] = normal(${spread})\nparam ${name}.bias [${m}] = 0`);
	put(`${name} ${at}[o < ${m}] = sum(${x}[t, r] * ${name}.w[o, r] for r < ${n}) + ` +
		`${name}.bias[o]`);
	return name;
}

function attention(l, y) {
	for (const name of [`${l}.q`, `${l}.k`, `${l}.v`]) {
		put(`param ${name}.w [${heads}][${size}][${wide}] = normal(0.02)`);
		put(`param ${name}.bias [${heads}][${size}] = 0`);
		put(`${name} ${at}[h < ${heads}][d < ${size}] = sum(${y}[t, r] * ` +
			`${name}.w[h, d, r] for r < ${wide}) + ${name}.bias[h, d]`);
	}
	const row = `[h < ${heads}]${at}`, pair = `${row}[u < ${context}]`;
	put(`${l}.qk ${pair} = sum(${l}.q[t, h, r] * ${l}.k[u, h, r] for r < ${size})`);
	put(`${l}.score ${pair} = where(t < u, -1000000000, ${l}.qk[h, t, u] / ` +
		`${Math.sqrt(size)})`);
	put(`${l}.max ${row} = stop(max(${l}.score[h, t, r] for r < ${context}))`);
	put(`${l}.exp ${pair} = exp(${l}.score[h, t, u] - ${l}.max[h, t])`);
	put(`${l}.sum ${row} = sum(${l}.exp[h, t, r] for r < ${context})`);
	put(`${l}.att ${pair} = ${l}.exp[h, t, u] / ${l}.sum[h, t]`);
	put(`${l}.seen ${at}[h < ${heads}][d < ${size}] = ` +
		`sum(${l}.att[h, t, r] * ${l}.v[r, h, d] for r < ${context})`);
	put(`param ${l}.o.w [${wide}][${heads}][${size}] = normal(${deep})`);
	put(`param ${l}.o.bias [${wide}] = 0`);
	return `sum(sum(${l}.seen[t, r, s] * ${l}.o.w[c, r, s] for s < ${size}) ` +
		`for r < ${heads}) + ${l}.o.bias[c]`;
}

put(`input token [${context}] int 0..${rows - 1}`);
put(`param wte [${rows}][${wide}] = normal(0.02)\nparam wpe [${context}][${wide}] = normal(0.02)`);
let x = "x";
put(`x ${at}[c < ${wide}] = wte[token[t], c] + wpe[t, c]`);
for (let i = 0; i < layers; i++) {
	const l = `l${i}`, seen = attention(l, norm(`${l}.ln1`, x));
	put(`${l}.x ${at}[c < ${wide}] = ${x}[t, c] + ${seen}`);
	const f = dense(`${l}.fc`, norm(`${l}.ln2`, `${l}.x`), wide, 4 * wide, 0.02);
	const y = `${f}[t, c]`;
	put(`${l}.gelu ${at}[c < ${4 * wide}] = 0.5 * ${y} * (1 + tanh(0.7978845608028654 * ` +
		`(${y} + 0.044715 * ${y} * ${y} * ${y})))`);
	const p = dense(`${l}.proj`, `${l}.gelu`, 4 * wide, wide, deep);
	put(`${l}.y ${at}[c < ${wide}] = ${l}.x[t, c] + ${p}[t, c]`);
	x = `${l}.y`;
}
put(`scores ${at}[v < ${rows}] = sum(${norm("lnf", x)}[t, r] * wte[v, r] for r < ${wide})`);
put("output scores");
