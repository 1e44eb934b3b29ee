// usage: node onnx.mjs MODEL.onnx SCORES.json...   by twrun --json, each of a text
//
// ONNX Runtime's scores of what comes after each text, against those of twrun: within 1e-5 of the
// greatest.

import { readFileSync } from "node:fs";
import ort from "onnxruntime-node";

const [file, ...texts] = process.argv.slice(2);
const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
let failed = 0;
for (const path of texts) {
	const { rows, next } = JSON.parse(readFileSync(path));
	const context = session.inputMetadata?.[0]?.shape?.[0] ?? +process.env.CONTEXT;
	const token = new BigInt64Array(context);
	rows.forEach((row, i) => (token[i] = BigInt(row)));
	const { scores } = await session.run({ token: new ort.Tensor("int64", token, [context]) });
	const n = scores.dims[1], at = (rows.length - 1) * n;
	const wanted = next.map(({ score }) => score);
	const most = Math.max(...wanted.map(Math.abs));
	const off = Math.max(...wanted.map((x, i) => Math.abs(x - scores.data[at + i]) / most));
	if (wanted.length && off <= 1e-5)
		continue;
	console.log(`${path}: off by ${off} of ${most}`);
	failed = 1;
}
process.exit(failed);
