// usage: node tests/model/judge.mjs MODEL.onnx PROMPTS.txt [--mode batch|step|whole|long]
//        node tests/model/judge.mjs MODEL.onnx NUMBERS.npy... [--mode batch|step|whole]
//
// The answers of ONNX Runtime, as twrun --batch prints them. It is given the
// file as it is, and runs it in one of four ways:
//
//   batch  prompts of unequal length together, padded on the left, then a token
//          at a time with the cache (the default)
//   step   one prompt at once, then a token at a time with the cache
//   whole  the text from its beginning for every token, no cache
//   long   one prompt in stretches of 250 tokens; for emitting models

import { readFileSync } from "node:fs";
import { answers, open, padded, prefill, tokenize } from "./ort.mjs";
import { readNpy } from "./npy.mjs";
import { readRecords, spellRecord } from "./records.mjs";

// ---- printing

const spellText = (model, tokens) =>
	model.first
		? tokens.map(t => spellRecord(t, model)).join(" ")
		: tokens.map(row => model.vocab[row]).join("");

function spell(model, { kind, members }, x) {
	const whole = Math.round(x);
	if (members?.[whole] !== undefined) return members[whole];
	if (kind === "token")
		return whole === model.end
			? "<end>"
			: (model.vocab[whole]?.toString() ?? (whole === model.bos ? "<bos>" : "?"));
	if (kind === "bool" && (whole === 0 || whole === 1)) return String(whole === 1);
	if (kind === "real") return String(Number(x.toPrecision(6)));
	if (kind === "bool" || Math.abs(x - whole) < 0.01) return String(whole + 0);
	return String(Number(x.toPrecision(4)));
}

// The prompt's tokens stand last in the batch's rows.
function labelLine(model, label, results, b, length) {
	const {
		data,
		dims: [, n, columns],
	} = results[`label.${label.name}`];
	let line = `${label.name}:`;
	for (let i = n - length; i < n; i++) {
		const at = (b * n + i) * columns;
		const values = Array.from(data.subarray(at, at + columns), x =>
			spell(model, label, x)
		);
		line += columns > 1 ? ` [${values.join(", ")}]` : ` ${values[0]}`;
	}
	return line;
}

async function answerLines(model, prompts, cached, stretch) {
	const columns = padded(prompts.map(p => [model.start, ...p]));
	const results = await prefill(model, columns, prompts.length, stretch);
	const said = model.emits ? await answers(model, prompts, cached, results, columns) : [];
	return prompts.map((p, b) =>
		[
			...(model.emits ? [spellText(model, said[b])] : []),
			...model.labels.map(label => labelLine(model, label, results, b, p.length)),
			...(!model.inputs && model.emits + model.labels.length > 1 ? [""] : []),
		].join("\n")
	);
}

const args = process.argv.slice(2);
const at = args.indexOf("--mode");
const mode = at < 0 ? "batch" : args.splice(at, 2)[1];
if (args.length < 2 || !["batch", "step", "whole", "long"].includes(mode)) {
	console.error("usage: judge.mjs MODEL.onnx PROMPTS.txt [--mode batch|step|whole|long]");
	process.exit(2);
}
const model = await open(args[0]);
const prompts = model.inputs
	? args.slice(1).flatMap(readNpy)
	: readFileSync(args[1], "utf8")
			.replace(/\n$/, "")
			.split("\n")
			.map(p => (model.first ? readRecords(p, model) : tokenize(p, model.vocab)));
const size = mode === "batch" ? 64 : 1;
for (let i = 0; i < prompts.length; i += size)
	console.log(
		(
			await answerLines(
				model,
				prompts.slice(i, i + size),
				mode !== "whole",
				mode === "long" ? 250 : Infinity
			)
		).join("\n")
	);
