// A model file in ONNX Runtime, and texts through it: what judge.mjs and
// bench/peer.mjs share. The file is given to it as it is.

import { readFileSync } from "node:fs";
import ort from "onnxruntime-node";

// ---- the metadata, which ONNX Runtime's JavaScript does not show: field 14 of
// the file's outermost message, pairs of key (1) and value (2)

function* fields(bytes) {
	let at = 0;
	const varint = () => {
		let value = 0,
			scale = 1,
			byte;
		do {
			byte = bytes[at++];
			value += (byte & 127) * scale;
			scale *= 128;
		} while (byte & 128);
		return value;
	};
	while (at < bytes.length) {
		const tag = varint(),
			wire = tag % 8;
		if (wire === 2) {
			const size = varint();
			yield [Math.floor(tag / 8), bytes.subarray(at, at + size)];
			at += size;
		} else if (wire === 0) {
			varint();
		} else {
			at += wire === 1 ? 8 : 4;
		}
	}
}

export function metadata(bytes) {
	const meta = {};
	for (const [field, entry] of fields(bytes))
		if (field === 14) {
			const pair = new Map(fields(entry));
			meta[pair.get(1).toString()] = JSON.parse(pair.get(2).toString());
		}
	return meta;
}

// ---- text

export function tokenize(text, vocab) {
	const rows = [],
		bytes = Buffer.from(text);
	for (let at = 0; at < bytes.length;) {
		let best = -1,
			length = 0;
		vocab.forEach((token, row) => {
			if (
				token.length > length &&
				bytes.subarray(at, at + token.length).equals(token)
			)
				[best, length] = [row, token.length];
		});
		if (best < 0) throw new Error(`not in the vocabulary: ${text}`);
		rows.push(best);
		at += length;
	}
	return rows;
}

// ---- running

const int64 = (data, dims) => new ort.Tensor("int64", BigInt64Array.from(data, BigInt), dims);

export function emptyPast(model, batch) {
	const past = {};
	for (const input of model.session.inputMetadata)
		if (input.name.startsWith("past_key_values.")) {
			const dims = [batch, input.shape[1], 0, input.shape[3]];
			past[input.name] = new ort.Tensor("float32", new Float32Array(0), dims);
		}
	return past;
}

export function nextPast(results) {
	const past = {};
	for (const [name, value] of Object.entries(results))
		if (name.startsWith("present."))
			past[name.replace("present", "past_key_values")] = value;
	return past;
}

// One call. A column is one token for each text of the batch, null where it is
// padding; `mask` has the columns of earlier calls too. A token is a row, or the
// list of its fields' rows; or the numbers that are fed in its place.
export async function call(model, columns, places, mask, past) {
	const batch = places.length,
		n = columns.length;
	const across = (list, f) =>
		Array.from({ length: batch * list.length }, (_, i) =>
			f(list[i % list.length], Math.floor(i / list.length))
		);
	const fields = model.inputs
		? [model.inputs.length]
		: model.first
			? [model.first.length - 1]
			: [];
	const padding = fields.length ? Array(fields[0]).fill(0) : 0;
	const at = places.slice();
	const position = columns.map(c => c.map((row, b) => (row === null ? 0 : at[b]++)));
	const fed = across(columns, (c, b) => c[b] ?? padding).flat(),
		dims = [batch, n, ...fields];
	return model.session.run({
		...(model.inputs
			? { inputs: new ort.Tensor("float32", Float32Array.from(fed), dims) }
			: { input_ids: int64(fed, dims) }),
		attention_mask: int64(
			across(mask, (c, b) => c[b]),
			[batch, mask.length]
		),
		position_ids: int64(
			across(position, (c, b) => c[b]),
			[batch, n]
		),
		...past,
	});
}

const shown = column => column.map(row => (row === null ? 0 : 1));

export function padded(texts) {
	const longest = Math.max(...texts.map(t => t.length));
	return Array.from({ length: longest }, (_, i) =>
		texts.map(t => t[i - longest + t.length] ?? null)
	);
}

export function lastLogits(results, b) {
	const [, n, vocab] = results.logits.dims;
	return results.logits.data.subarray((b * n + n - 1) * vocab, (b * n + n) * vocab);
}

function greatest(list) {
	return list.reduce((best, x, i) => (x > list[best] ? i : best), 0);
}

// The next token, null for <end>. Each field of a record has a greatest of its own.
export function chosen(model, logits) {
	if (!model.first) {
		const row = greatest(logits);
		return row >= model.end ? null : row;
	}
	const rows = model.first
		.slice(1)
		.map((to, f) => model.first[f] + greatest(logits.subarray(model.first[f], to)));
	return logits[model.end] > logits[rows[0]] ? null : rows;
}

// The prompts in so many columns a call; what the last call gave.
export async function prefill(model, columns, batch, size) {
	let past = emptyPast(model, batch),
		results;
	for (let i = 0; i < columns.length; i += size) {
		const places = Array.from(
			{ length: batch },
			(_, b) => columns.slice(0, i).filter(c => c[b] !== null).length
		);
		results = await call(
			model,
			columns.slice(i, i + size),
			places,
			columns.slice(0, i + size).map(shown),
			past
		);
		past = nextPast(results);
	}
	return results;
}

// The tokens after each prompt; a text that is finished is fed padding.
export async function answers(model, prompts, cached, results, columns) {
	const texts = prompts.map(p => [model.start, ...p]),
		batch = texts.length;
	let mask = columns.map(shown);
	for (;;) {
		const fresh = texts.map((text, b) => {
			if (text.done || text.length > model.context) return null;
			const next = chosen(model, lastLogits(results, b));
			text.done = next === null;
			return next;
		});
		if (fresh.every(row => row === null))
			return texts.map((text, b) => text.slice(prompts[b].length + 1));
		const places = texts.map(text => text.length);
		texts.forEach((text, b) => fresh[b] !== null && text.push(fresh[b]));
		if (cached) {
			mask.push(shown(fresh));
			results = await call(model, [fresh], places, mask, nextPast(results));
		} else {
			columns = padded(texts);
			mask = columns.map(shown);
			results = await call(
				model,
				columns,
				Array(batch).fill(0),
				mask,
				emptyPast(model, batch)
			);
		}
	}
}

export const oneThread = {
	intraOpNumThreads: 1,
	interOpNumThreads: 1,
	executionMode: "sequential",
	graphOptimizationLevel: "all",
};

export async function open(path) {
	const bytes = readFileSync(path),
		meta = metadata(bytes);
	const session = await ort.InferenceSession.create(bytes, oneThread);
	const sizes = meta["tw.fields"],
		bos = meta["tw.special"].bos;
	return {
		session,
		words: meta["tw.vocab"],
		first: sizes?.reduce((list, n) => [...list, list.at(-1) + n], [0]),
		inputs: meta["tw.inputs"],
		start: meta["tw.inputs"]
			? meta["tw.inputs"].map(() => 0)
			: sizes
				? sizes.map(() => bos)
				: bos,
		vocab: meta["tw.vocab"].map(token => Buffer.from(token)),
		end: meta["tw.special"].end,
		bos,
		context: meta["tw.context"],
		labels: meta["tw.labels"],
		emits: session.outputNames.includes("logits"),
	};
}
