// usage: node bench/kinds.mjs MODEL.onnx LENGTH TEXTS FED SAID
//
// What bench/kinds.c does, by ONNX Runtime with one thread: the texts of FED one token
// after the other with its cache (one text), each at once, and as many at once as are
// fastest. Only its own calls are timed, each way at its fastest in several passes, in ns
// a token; then how many numbers differ from SAID by more than 1e-3 and a 1000th:
//
//     DECODING WHOLE BATCH DIFFERENT

import { readFileSync } from "node:fs";
import { call, chosen, emptyPast, lastLogits, nextPast, open } from "../tests/model/ort.mjs";

const [path, length, count, fedPath, saidPath] = process.argv.slice(2);
const n = Number(length),
	texts = Number(count);
const floats = file => {
	const bytes = readFileSync(file);
	return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};
const model = await open(path);
const fed = floats(fedPath),
	said = floats(saidPath);
const width = model.inputs?.length ?? (model.first ? model.first.length - 1 : 1);
const token = (text, i) => {
	const at = (text * n + i) * width;
	return model.inputs || model.first ? Array.from(fed.subarray(at, at + width)) : fed[at];
};

// Processor time, which a busy machine does not stretch.
const now = () => {
	const { user, system } = process.cpuUsage();
	return (user + system) * 1e3;
};
let took = 0;
const timed = {
	...model,
	session: {
		inputMetadata: model.session.inputMetadata,
		async run(feeds) {
			const start = now();
			const results = await model.session.run(feeds);
			took += now() - start;
			return results;
		},
	},
};

// The texts from .. from + size - 1 in one call, <bos> first.
function together(from, size) {
	const columns = [Array(size).fill(model.start)];
	for (let i = 0; i < n; i++)
		columns.push(Array.from({ length: size }, (_, b) => token(from + b, i)));
	const mask = columns.map(c => c.map(() => 1));
	return call(timed, columns, Array(size).fill(0), mask, emptyPast(model, size));
}

async function fastest(tokens, pass) {
	let best = Infinity;
	const start = now();
	for (let i = 0; i < 2 || (i < 10 && now() - start < 2e9); i++) {
		took = 0;
		await pass();
		best = Math.min(best, took);
	}
	return best / tokens;
}

const steps = Math.min(n, 64);
async function decode() {
	let past = emptyPast(model, 1);
	const mask = [];
	for (let i = -1; i < steps; i++) {
		mask.push([1]);
		const column = [[i < 0 ? model.start : token(0, i)]];
		past = nextPast(await call(timed, column, [i + 1], mask, past));
	}
}

async function each(size) {
	for (let t = 0; t + size <= texts; t += size) await together(t, size);
}

async function different() {
	let at = 0,
		wrong = 0;
	const compare = x => {
		const y = said[at++];
		wrong += Math.abs(x - y) > 1e-3 + 1e-3 * Math.abs(y);
	};
	for (let t = 0; t < texts; t++) {
		const results = await together(t, 1);
		if (model.emits) {
			const next = chosen(model, lastLogits(results, 0));
			if (next === null) {
				compare(model.end);
				at += width - 1;
			} else [next].flat().forEach(compare);
		}
		for (const { name } of model.labels) {
			const { data, dims } = results[`label.${name}`];
			data.subarray(dims[2]).forEach(compare);
		}
	}
	return at === said.length ? wrong : "?";
}

const causal = model.session.inputMetadata.some(i => i.name.startsWith("past_key_values."));
const layers = model.session.outputNames.some(name => name.startsWith("present."));
const wrong = await different();
const decoding = causal && layers ? await fastest(steps + 1, decode) : 0;
const whole = await fastest(n * texts, () => each(1));
let batch = whole;
for (const size of [4, 16, 64].filter(size => size <= texts))
	batch = Math.min(
		batch,
		await fastest(n * size * Math.floor(texts / size), () => each(size))
	);
console.log([decoding, whole, batch].map(x => x.toFixed(0)).join(" "), wrong);
