// usage: node tests/model/npy.mjs OUT.npy SHAPE LOW HIGH
//        node tests/model/npy.mjs OUT.npy SHAPE MODEL.onnx
//
// Writes an array of float32 that is the same in every run, spread over LOW..HIGH or
// over what the model's inputs may be, both ends among it; SHAPE as in 3,16,2. readNpy
// reads such a file.

import { readFileSync, writeFileSync } from "node:fs";

// The texts of the file: each a list of positions, each a list of numbers.
export function readNpy(path) {
	const bytes = readFileSync(path),
		size = bytes.readUInt16LE(8),
		header = bytes.subarray(10, 10 + size).toString();
	const shape = header
		.match(/'shape': \(([^)]*)\)/)[1]
		.split(",")
		.filter(d => d.trim())
		.map(Number);
	if (!header.includes("'<f4'") || shape.length < 2)
		throw new Error(`${path}: not what npy.mjs writes`);
	const [width, n] = [...shape].reverse(),
		texts = shape.length > 2 ? shape[0] : 1;
	const at = i => bytes.readFloatLE(10 + size + 4 * i);
	return Array.from({ length: texts }, (_, t) =>
		Array.from({ length: n }, (_, p) =>
			Array.from({ length: width }, (_, k) => at((t * n + p) * width + k))
		)
	);
}

function writeNpy(path, shape, inputs) {
	const n = shape.reduce((a, b) => a * b),
		width = inputs.length,
		data = Buffer.alloc(4 * n);
	const dims = `(${shape.join(", ")},)`;
	const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${dims}, }`;
	const length = Math.ceil((header.length + 11) / 64) * 64 - 10;
	const start = Buffer.from(
		`\x93NUMPY\x01\x00\x00\x00${header.padEnd(length - 1)}\n`,
		"latin1"
	);
	start.writeUInt16LE(length, 8);
	for (let i = 0; i < n; i++) {
		const { kind, low, high } = inputs[i % width];
		const share = i < width ? 0 : i < 2 * width ? 1 : ((i * 7919) % 1009) / 1008;
		const x = low + (high - low) * share;
		data.writeFloatLE(kind === "real" ? x : Math.round(x), 4 * i);
	}
	writeFileSync(path, Buffer.concat([start, data]));
}

if (process.argv[1].endsWith("npy.mjs")) {
	const [path, size, low, high] = process.argv.slice(2),
		shape = size.split(",").map(Number);
	if (high === undefined) {
		const { metadata } = await import("./ort.mjs");
		writeNpy(path, shape, metadata(readFileSync(low))["tw.inputs"]);
	} else {
		writeNpy(
			path,
			shape,
			Array(shape.at(-1)).fill({
				kind: "real",
				low: Number(low),
				high: Number(high),
			})
		);
	}
}
