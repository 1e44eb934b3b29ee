// usage: programs --judge DIR | node tests/fuzz/judge.mjs
//
// Each line names a model, without .onnx, and its .json has texts with what is
// expected of them: the next token and every label at every position. All texts of
// a model go through ONNX Runtime in one call, padded on the left, and again a few
// tokens at a time with its cache. Models that agree are removed.

import { readFileSync, unlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { chosen, open, padded, prefill } from "../model/ort.mjs";

// The numbers of the expected labels, in the order of the model's columns.
function* labels(model, results, b, place) {
	for (const label of model.labels) {
		const {
			data,
			dims: [, n, columns],
		} = results[`label.${label.name}`];
		for (let i = 0; i < columns; i++) yield data[(b * n + place) * columns + i];
	}
}

function next(model, results, b, place) {
	const [, n, rows] = results.logits.dims;
	return chosen(
		model,
		results.logits.data.subarray((b * n + place) * rows, (b * n + place + 1) * rows)
	);
}

// A line for the first position where they differ, or null. Texts end with the columns,
// of which the results have those from `from` on.
function difference(model, results, texts, columns, from) {
	const errors = model.labels.flatMap(label => Array(label.columns).fill(label.error ?? 0));
	for (const [b, { text, next: wanted, labels: values }] of texts.entries())
		for (let at = Math.max(0, from - columns + text.length); at < text.length; at++) {
			const place = columns - text.length + at - from;
			const where = `at ${at} of ${JSON.stringify(text.slice(0, at + 1))}`;
			const differs = (what, meant, got) =>
				`${what} ${where} is ${meant}, ONNX Runtime gives ${got}`;
			const token = model.emits && next(model, results, b, place);
			if (model.emits && String(token) !== String(wanted[at]))
				return differs("the next token", wanted[at], token);
			const got = [...labels(model, results, b, place)];
			for (const [i, value] of values.entries()) {
				const off = Math.abs(got[i] - value[at]);
				const most = errors[i] + 1e-9 * (errors[i] && Math.abs(value[at]));
				if (!(off <= most)) return differs(`label ${i}`, value[at], got[i]);
			}
		}
	return null;
}

async function judge(path) {
	const model = await open(`${path}.onnx`),
		expected = JSON.parse(readFileSync(`${path}.json`, "utf8"));
	const columns = padded(expected.texts.map(t => [model.start, ...t.text])),
		n = columns.length;
	for (const size of expected.causal ? [n, 3] : [n]) {
		const results = await prefill(model, columns, expected.texts.length, size);
		const why = difference(model, results, expected.texts, n, n - 1 - ((n - 1) % size));
		if (why) return size < n ? `${why}, ${size} at a time` : why;
	}
	await model.session.release?.();
	return null;
}

let asked = 0,
	bad = 0;
for await (const path of createInterface({ input: process.stdin })) {
	const why = await judge(path).catch(error => String(error));
	asked++;
	if (why) {
		bad++;
		console.log(`${path}.onnx: ${why}`);
		continue;
	}
	unlinkSync(`${path}.onnx`);
	unlinkSync(`${path}.json`);
}
console.log(`ONNX Runtime: ${asked} programs, ${bad} where it differs`);
process.exit(bad ? 1 : 0);
