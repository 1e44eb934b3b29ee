// usage: node tests/model/bounds.mjs MODEL.onnx
//
// How far each label of a model may be from what is meant, as its file says: "name: error".

import { readFileSync } from "node:fs";
import { metadata } from "./ort.mjs";

for (const { name, error } of metadata(readFileSync(process.argv[2]))["tw.labels"])
	console.log(`${name}: ${error ?? 0}`);
