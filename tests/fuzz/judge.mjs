// usage: programs --judge DIR | node tests/fuzz/judge.mjs
//
// Each line names a model, without .onnx, and its .json has texts with what is
// expected of them: the next token and every label at every position. All texts of
// a model go through ONNX Runtime in one call. Models that agree are removed.

import { readFileSync, unlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { open, padded, prefill } from "../model/ort.mjs";

// The numbers of the expected labels, in the order of the model's columns.
function* labels(model, results, b, place) {
	for (const label of model.labels) {
		const { data, dims: [, n, columns] } = results[`label.${label.name}`];
		for (let i = 0; i < columns; i++)
			yield data[(b * n + place) * columns + i];
	}
}

function nextRow(results, b, place) {
	const [, n, rows] = results.logits.dims;
	const logits = results.logits.data.subarray((b * n + place) * rows, (b * n + place + 1) * rows);
	return logits.reduce((best, x, i) => x > logits[best] ? i : best, 0);
}

// A line for the first position where they differ, or null. Texts stand last.
function difference(model, results, texts, n) {
	for (const [b, text] of texts.entries())
		for (let at = 0; at < text.rows.length; at++) {
			const place = n - text.rows.length + at;
			const where = `at ${at} of rows ${text.rows.slice(0, at + 1)}`;
			if (text.next && nextRow(results, b, place) !== text.next[at])
				return `the next token ${where} is ${text.next[at]}, ONNX Runtime gives ${nextRow(results, b, place)}`;
			const got = [...labels(model, results, b, place)];
			for (const [i, expected] of text.labels.entries())
				if (got[i] !== expected[at])
					return `label ${i} ${where} is ${expected[at]}, ONNX Runtime gives ${got[i]}`;
		}
	return null;
}

async function judge(path) {
	const model = await open(`${path}.onnx`), texts = JSON.parse(readFileSync(`${path}.json`, "utf8"));
	const columns = padded(texts.map(t => [model.bos, ...t.rows]));
	const results = await prefill(model, columns, texts.length, columns.length);
	await model.session.release?.();
	return difference(model, results, texts, columns.length);
}

let asked = 0, bad = 0;
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
