// usage: node tests/prove/change.mjs IN.onnx OUT.onnx TENSOR N FACTOR
//
// Multiplies the Nth weight of a tensor that is not 0.

import { readFileSync, writeFileSync } from "node:fs";
import { tensors } from "./weights.mjs";

const [from, to, name, n, factor] = process.argv.slice(2);
const bytes = readFileSync(from),
	{ at, data } = tensors(bytes)[name];
const used = [...data.keys()].filter(i => data[i]);
bytes.writeFloatLE(Math.fround(data[used[n]] * factor), at + 4 * used[n]);
writeFileSync(to, bytes);
