// usage: node circle.mjs FOLDER   2,000 points, and which are within a circle, as .npy files.
import { writeFileSync } from "node:fs";

const n = 2000, x = new Float32Array(n * 2), inside = new Int32Array(n);
let state = 1;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
for (let i = 0; i < n; i++) {
	const a = random() * 2 - 1, b = random() * 2 - 1;
	x.set([a, b], 2 * i);
	inside[i] = a * a + b * b < 0.6 ? 1 : 0;
}

function npy(name, type, shape, numbers) {
	let header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape}), }`;
	header = header.padEnd(117) + "\n";
	const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, 118, 0]);
	writeFileSync(`${process.argv[2]}/${name}.npy`,
		Buffer.concat([start, Buffer.from(header), Buffer.from(numbers.buffer)]));
}
npy("x", "<f4", `${n}, 2`, x);
npy("inside", "<i4", `${n},`, inside);
