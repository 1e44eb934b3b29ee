// usage: node tests/model/far.mjs FAR.onnx [TOKENS]
//
// ONNX Runtime through tests/model/far.tw: single steps at chosen position_ids, with the past of
// the tokens that were fed alone; then a text of so many tokens (1,000), 250 a call. At each place
// every label is what a loop over the tokens says.

import { call, emptyPast, nextPast, open } from "./ort.mjs";

let state = 1n;
function below(n) {
	state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
	return Number((state >> 33n) % BigInt(n));
}

// Near, to the end of a block of 2^14 or 2^15, or far.
function gap(place) {
	const block = 2 ** (14 + below(2));
	switch (below(6)) {
		case 0:
			return below(2 ** 24);
		case 1:
			return block - (place % block) + below(3) - 1;
		default:
			return below(3);
	}
}

function meant(text) {
	const d = text.map(t => t.row),
		here = d.at(-1),
		index = text.at(-1).place - 1,
		nine = text.find(t => t.row === 9),
		before = text.at(-2);
	return {
		most: Math.max(...d),
		least: Math.min(...d),
		rest: d.reduce((best, x) => (x % 4 >= best % 4 ? x : best)),
		early: d.find(x => x > here) ?? here,
		late: d.findLast(x => x < here) ?? here,
		nine: nine ? (nine.place - 1) % 1000 : 3,
		back: index === 0 ? 0 : before?.place === index ? before.row : null,
		digits: (Math.floor(index / 2 ** 14) % 100) * 7 + (index % 7),
	};
}

function compare(results, at, text) {
	for (const [name, want] of Object.entries(meant(text))) {
		const got = results[`label.${name}`].data[at];
		if (want !== null && got !== want)
			throw new Error(
				`${name} at place ${text.at(-1).place} is ${got}, not ${want}`
			);
	}
}

async function walk(model) {
	const step = (row, place, n, past) =>
		call(model, [[row]], [place], Array(n).fill([1]), past);
	let results = await step(model.start, 0, 1, emptyPast(model, 1)),
		place = 1;
	const text = [];
	for (; text.length < 80 && place <= model.context; place += 1 + gap(place)) {
		const row = below(text.some(t => t.row === 9) ? 9 : 10);
		text.push({ row, place });
		results = await step(row, place, text.length + 1, nextPast(results));
		compare(results, 0, text);
	}
}

async function whole(model, n) {
	const rows = [model.start],
		text = [];
	let past = emptyPast(model, 1);
	for (let nines = 0; rows.length <= n;) {
		const row = below(nines ? 9 : 10);
		nines += row === 9;
		rows.push(row);
	}
	for (let from = 0; from <= n; from += 250) {
		const columns = rows.slice(from, from + 250).map(row => [row]);
		const mask = Array(from + columns.length).fill([1]);
		const results = await call(model, columns, [from], mask, past);
		past = nextPast(results);
		columns.forEach(([row], at) => {
			if (from + at === 0) return;
			text.push({ row, place: from + at });
			if (n <= 2000 || text.length % 97 === 0) compare(results, at, text);
		});
	}
}

const model = await open(process.argv[2]);
for (let i = 0; i < 8; i++) await walk(model);
await whole(model, Number(process.argv[3] ?? 1000));
