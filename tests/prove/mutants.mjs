// usage: node tests/prove/mutants.mjs BUILD-DIR N MODEL.onnx[=PROGRAM.tw]...
//
// The soundness loop of twprove. N times, by turns over the models, one weight is changed:
// by 1, its sign, to 0, doubled, times 128, times 1 + 2^-20, or a zero to a new weight; or all keys
// of a head are multiplied by 3/4 or 1/2, so that what is second comes too near. A changed model
// that twprove still proves must give the same numbers, bit for bit, at every position of every
// text
//
//     in ONNX Runtime at each of its levels of optimisation;
//     in float32 here, all sums in shuffled order;
//     with hard attention in exact arithmetic (doubles, in which all of this is exact but means,
//     which is rounded to float32 where a neuron rounds).
//
// Reals may differ from the last by the error that the file states. The texts are those that
// the program's own tests have, and random ones.
//
// Told beside it: how many changed models are proved that answer otherwise than the model that they
// were made of, and how many of these with --circuit, which must be none.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ort from "onnxruntime-node";
import { metadata, tokenize } from "../model/ort.mjs";
import { tensors } from "./weights.mjs";

const [build, count, ...files] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), "prove"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

let seed = Number(process.env.SEED ?? 1);
function random(n) {
	seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
	return Math.floor((seed / 2 ** 32) * n);
}
const pick = list => list[random(list.length)];

// ---- an evaluator: exact, or in float32 with sums in shuffled order

function shuffled(list) {
	for (let i = list.length - 1; i > 0; i--) {
		const j = random(i + 1);
		[list[i], list[j]] = [list[j], list[i]];
	}
	return list;
}

// The columns of a matrix: of each the rows that are not 0, and what they weigh.
function columnsOf({ dims: [rows, columns], data }) {
	const list = Array.from({ length: columns }, () => ({ rows: [], weights: [] }));
	for (let i = 0; i < rows; i++)
		for (let j = 0; j < columns; j++)
			if (data[i * columns + j]) {
				list[j].rows.push(i);
				list[j].weights.push(data[i * columns + j]);
			}
	return list;
}

// A model to evaluate: its matrices are taken apart once.
function modelOf(bytes) {
	const meta = metadata(bytes),
		all = tensors(bytes),
		columns = {};
	return { meta, tensors: all, matrix: name => (columns[name] ??= columnsOf(all[name])) };
}

class Apart extends Error {}

function exactSum({ rows, weights }, x, bias) {
	let s = bias;
	for (let i = 0; i < rows.length; i++) s += x[rows[i]] * weights[i];
	return s;
}

const shuffledSum = ({ rows, weights }, x, bias) =>
	shuffled([...rows.map((r, i) => Math.fround(x[r] * weights[i])), bias]).reduce((a, y) =>
		Math.fround(a + y)
	);

function evaluate(m, ids, exact) {
	const round = exact ? x => x : Math.fround,
		sumOf = exact ? exactSum : shuffledSum;
	const T = m.tensors,
		meta = m.meta,
		d = T["embed.token"].dims[1];
	const affine = (x, w, b) => m.matrix(w).map((c, j) => sumOf(c, x, b ? T[b].data[j] : 0));
	const added = terms =>
		sumOf({ rows: [...terms.keys()], weights: terms.map(() => 1) }, terms, 0);
	// What each digit of a place adds, or the place itself, to the columns that it has.
	const parts = meta["tw.positions"] ?? [{ columns: Array.from({ length: d }, (_, c) => c) }];
	const digit = (part, place) => {
		if (!meta["tw.positions"]) return place;
		const x = Math.floor(Math.max(place - part.back, 0) / part.divide);
		return part.saturate ? Math.min(x, part.modulo - 1) : x % part.modulo;
	};
	const placed = (place, c) =>
		parts.map((part, n) => {
			const at = part.columns.indexOf(c),
				digits = meta["tw.positions"],
				table = T[digits ? `embed.position.${n}` : "embed.position"];
			return at < 0
				? 0
				: table.data[digit(part, place) * part.columns.length + at];
		});
	let x = ids.map((token, place) =>
		Array.from({ length: d }, (_, c) =>
			added([
				...[token].flat().map(t => T["embed.token"].data[t * d + c]),
				...placed(place, c),
			])
		)
	);
	const seen = place =>
		meta["tw.attention"] === "causal" ? place + 1 : place === 0 ? 1 : ids.length;
	// What a query reads of keys and values, all of one head.
	const read = (query, keys, values) => {
		const score = keys.map(k => added(query.map((y, i) => round(y * k[i]))));
		const most = Math.max(...score);
		if (exact && score.some(s => s < most && s > most - 104))
			throw new Apart(`scores ${score} are too near`);
		const e = score.map(s =>
			exact ? Number(s === most) : round(Math.exp(round(s - most)))
		);
		const rows = [...e.keys()].filter(at => e[at]), // a weight of 0 adds nothing
			all = added(rows.map(at => e[at])),
			weights = rows.map(at => round(e[at] / all));
		return values[0].map((_, j) =>
			sumOf({ rows, weights }, values.map(v => v[j]), 0)
		);
	};
	meta["tw.layers"].forEach((l, n) => {
		const name = s => `layers.${n}.${s}`;
		if (l.heads) {
			const [q, k, v] = ["q", "k", "v"].map(s =>
				x.map(r => affine(r, name(`w${s}`), name(`b${s}`)))
			);
			const part = (list, h, size) =>
				list.map(r => r.slice(h * size, (h + 1) * size));
			const heads = Array.from({ length: l.heads }, (_, h) => [
				part(q, h, l.key_size),
				part(k, h, l.key_size),
				part(v, h, l.value_size),
			]);
			x = x.map((old, place) => {
				const n = seen(place);
				const all = heads.flatMap(([q, k, v]) =>
					read(q[place], k.slice(0, n), v.slice(0, n))
				);
				const out = affine(all, name("wo"));
				return old.map((y, c) => round(y + out[c]));
			});
		}
		if (l.neurons) {
			const bias = T[name("b1")].data;
			x = x.map(old => {
				const neuron = affine(old, name("w1"), name("b1")).map((s, j) =>
					Math.max(0, bias[j] >= 4096 ? Math.fround(s) : s)
				);
				const out = affine(neuron, name("w2"), name("b2"));
				return old.map((y, c) => round(y + out[c]));
			});
		}
	});
	const answer = {};
	if (T["head.w"]) answer.logits = x.flatMap(r => affine(r, "head.w", "head.b"));
	for (const { name } of meta["tw.labels"])
		answer[`label.${name}`] = x.flatMap(r =>
			affine(r, `labels.${name}.w`, `labels.${name}.b`)
		);
	return answer;
}

// ---- ONNX Runtime

const levels = ["disabled", "basic", "extended", "all"];
const int64 = (list, dims) => new ort.Tensor("int64", BigInt64Array.from(list, BigInt), dims);

async function runtime(path, texts, level) {
	const session = await ort.InferenceSession.create(path, {
		intraOpNumThreads: 1,
		interOpNumThreads: 1,
		graphOptimizationLevel: level,
		logSeverityLevel: 4,
	});
	const out = [];
	for (const ids of texts) {
		const n = ids.length;
		const feed = {
			input_ids: int64(
				ids.flat(),
				Array.isArray(ids[0]) ? [1, n, ids[0].length] : [1, n]
			),
			position_ids: int64(
				ids.map((_, i) => i),
				[1, n]
			),
			attention_mask: int64(
				ids.map(() => 1),
				[1, n]
			),
		};
		for (const input of session.inputMetadata)
			if (input.name.startsWith("past_key_values."))
				feed[input.name] = new ort.Tensor("float32", new Float32Array(0), [
					1,
					input.shape[1],
					0,
					input.shape[3],
				]);
		const result = await session.run(feed);
		out.push(
			Object.fromEntries(
				Object.entries(result)
					.filter(([name]) => !name.startsWith("present."))
					.map(([name, t]) => [name, [...t.data]])
			)
		);
	}
	await session.release();
	return out;
}

// ---- what is asked

function textsOf(meta, program, n) {
	const { bos } = meta["tw.special"],
		vocab = meta["tw.vocab"].map(t => Buffer.from(t)),
		sizes = meta["tw.fields"];
	const longest = Math.min(meta["tw.context"], 40);
	const first = sizes?.reduce((list, x) => [...list, list.at(-1) + x], [0]);
	const one = () =>
		sizes ? sizes.map((x, f) => first[f] + random(x)) : random(vocab.length);
	const texts = [];
	if (program && !sizes)
		for (const [, text] of readFileSync(program, "utf8").matchAll(/"([^"\n]*)"/g))
			try {
				const ids = tokenize(text, vocab);
				if (ids.length <= longest) texts.push(ids);
			} catch {
				// another text than a prompt
			}
	const mine = [];
	while (texts.length && mine.length < n / 2) mine.push(pick(texts));
	while (mine.length < n) mine.push(Array.from({ length: 1 + random(longest) }, one));
	return mine.map(ids => [sizes ? sizes.map(() => bos) : bos, ...ids]);
}

// Why two answers are not the same, or null; `off`: by how much each may differ.
function difference(a, b, off) {
	for (const name of Object.keys(b))
		for (let i = 0; i < b[name].length; i++)
			if (!(Math.abs(a[name][i] - b[name][i]) <= off(name)))
				return `${name}[${i}] is ${a[name][i]}, not ${b[name][i]}`;
	return null;
}

// Why the engines do not agree with exact arithmetic, whose answers are given; or null.
async function judge(path, m, texts, exact) {
	const real = {};
	for (const l of m.meta["tw.labels"])
		if (l.kind === "real") real[`label.${l.name}`] = l.error;
	const engines = {};
	for (const level of levels)
		engines[`ONNX Runtime (${level})`] = await runtime(path, texts, level);
	engines["float32 in shuffled order"] = texts.map(ids => evaluate(m, ids, false));
	for (const [name, answers] of Object.entries(engines))
		for (const [t, ids] of texts.entries()) {
			const why = difference(answers[t], exact[t], what => real[what] ?? 0);
			if (why) return `${name}: ${why}, with ${JSON.stringify(ids)}`;
		}
	return null;
}

// ---- the loop

const kinds = {
	"plus 1": x => x + 1,
	"minus 1": x => x - 1,
	sign: x => -x,
	zero: () => 0,
	doubled: x => 2 * x,
	"times 128": x => 128 * x,
	"a little more": x => x * (1 + 2 ** -20),
	new: () => pick([1, -1, 128, 0.5]),
};

// The file without the digest of its weights and what it claims of its heads, as if it had never
// had them: they say of a mutant that it is one, and nothing of whether it is exact.
function withoutClaims(bytes) {
	const copy = Buffer.from(bytes),
		key = copy.indexOf("tw.digest"),
		at = key < 0 ? -1 : copy.indexOf('"', key);
	if (at >= 0) copy.write("null".padEnd(18), at);
	for (let gap = -1; (gap = copy.indexOf('"gap":', gap + 1)) >= 0; ) {
		const end = copy.indexOf("}", gap);
		copy.write("0".padStart(end - gap - 6), gap + 6);
	}
	return copy;
}

const proved = (path, ...options) =>
	spawnSync(join(build, "twprove"), [...options, path]).status === 0;

// All that makes the keys of a head of a layer.
function scaleKeys(bytes, by) {
	const list = tensors(bytes),
		layers = metadata(bytes)["tw.layers"],
		n = pick([...layers.keys()].filter(l => layers[l].heads));
	if (n === undefined) return;
	const { heads, key_size } = layers[n],
		head = random(heads);
	for (const { at, data, dims } of [list[`layers.${n}.wk`], list[`layers.${n}.bk`]]) {
		const columns = dims.at(-1);
		data.forEach((x, i) => {
			if (Math.floor((i % columns) / key_size) === head)
				bytes.writeFloatLE(Math.fround(x * by), at + 4 * i);
		});
	}
}

const TEXTS = 32; // of each model; eight of them try a mutant
const models = files.map(file => {
	const [path, program] = file.split("=");
	const bytes = readFileSync(path),
		list = tensors(bytes),
		places = { zero: [], other: [] };
	for (const [name, t] of Object.entries(list))
		t.data.forEach((x, i) => places[x ? "other" : "zero"].push([name, i]));
	const original = modelOf(bytes),
		texts = textsOf(original.meta, program, TEXTS),
		answers = texts.map(ids => evaluate(original, ids, true));
	return { path, bytes, list, places, texts, answers };
});
let accepted = 0,
	wrong = 0,
	otherwise = 0,
	otherwiseHeld = 0;

// A file that is proved must be exact; and the circuit's, if it answers as its original does not.
async function check(path, bytes, what, { texts, answers }) {
	const m = modelOf(bytes),
		mine = shuffled([...texts.keys()]).slice(0, 8);
	let exact, why;
	try {
		exact = mine.map(t => evaluate(m, texts[t], true));
		why = await judge(path, m, mine.map(t => texts[t]), exact);
	} catch (error) {
		why = String(error);
	}
	accepted++;
	if (!exact || mine.some((t, i) => difference(exact[i], answers[t], () => 0))) {
		otherwise++;
		if (proved(path, "--circuit")) {
			otherwiseHeld++;
			console.log(`proved to be its circuit, and answers otherwise: ${what}`);
		}
	}
	if (!why) return;
	wrong++;
	console.log(`proved, but not exact: ${what}: ${why}`);
}

for (const model of models) {
	if (!proved(model.path)) {
		console.log(`${model.path}: not proved`);
		wrong++;
	} else {
		await check(model.path, model.bytes, model.path, model);
	}
}
const names = [...Object.keys(kinds), "keys times 3/4", "keys halved"];
for (let i = 0; i < Number(count); i++) {
	const model = models[i % models.length],
		{ path, bytes, list, places } = model,
		kind = names[Math.floor(i / models.length) % names.length];
	const [name, at] = pick(places[kind === "new" ? "zero" : "other"]);
	const mutant = withoutClaims(bytes),
		offset = list[name].at + 4 * at;
	if (kind.startsWith("keys")) scaleKeys(mutant, kind === "keys halved" ? 1 / 2 : 3 / 4);
	else mutant.writeFloatLE(Math.fround(kinds[kind](bytes.readFloatLE(offset))), offset);
	const file = join(work, "mutant.onnx");
	writeFileSync(file, mutant);
	if (proved(file)) await check(file, mutant, `${path}: ${name}[${at}], ${kind}`, model);
}
console.log(
	`${count} mutants of ${models.length} models, ${accepted} files proved, ${wrong} wrong; ` +
		`${otherwise} answer otherwise, ${otherwiseHeld} of them with --circuit`
);
process.exit(wrong || otherwiseHeld ? 1 : 0);
