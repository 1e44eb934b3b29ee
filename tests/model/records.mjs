// Tokens that are records, {op: add, a: [1, 2], flags: 0x1f}: a row of each field.
// The words of the vocabulary are "op: add", "a[0]: 1"; a number in the place of a
// list of bools gives its bits, the lowest first.

export function readRecords(text, { words, first }) {
	const fields = first.slice(0, -1).map(row => words[row].slice(0, words[row].indexOf(":")));
	return [...text.matchAll(/\{([^}]*)\}/g)].map(([, body]) => {
		const given = new Map();
		for (const [, name, list, value] of body.matchAll(
			/(\w+)\s*:\s*(?:\[([^\]]*)\]|([-\w]+))/g
		)) {
			const array = fields.filter(f => f.startsWith(`${name}[`));
			const items =
				list !== undefined
					? list.split(",").map(x => x.trim())
					: array.map((_, i) =>
							String(
								((BigInt(value) >> BigInt(i)) &
									1n) ===
									1n
							)
						);
			if (array.length) items.forEach((x, i) => given.set(`${name}[${i}]`, x));
			else given.set(name, value);
		}
		const rows = fields.map(f => words.indexOf(`${f}: ${given.get(f)}`));
		if (rows.includes(-1) || given.size !== fields.length)
			throw new Error(`no token: ${body}`);
		return rows;
	});
}

function spellList(values) {
	if (values[0] !== "true" && values[0] !== "false") return `[${values.join(", ")}]`;
	const number = values.reduceRight((sum, bit) => sum * 2n + BigInt(bit === "true"), 0n);
	return "0x" + number.toString(16).padStart(Math.ceil(values.length / 4), "0");
}

export function spellRecord(rows, { words }) {
	const parts = [];
	for (const row of rows) {
		const [, name, at, value] = /^(\w+)(?:\[(\d+)\])?: (.*)$/.exec(words[row]);
		if (at === undefined || at === "0")
			parts.push([name, at === undefined ? value : [value]]);
		else parts.at(-1)[1].push(value);
	}
	const spelt = ([name, x]) => `${name}: ${Array.isArray(x) ? spellList(x) : x}`;
	return `{${parts.map(spelt).join(", ")}}`;
}
