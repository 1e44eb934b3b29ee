// usage: node planes.mjs FOLDER
//
// Parameters and pixels for planes.tw, as planes.safetensors and planes.npy, and what a convolution
// by loops makes of them, a number a line: all are small integers, so there is one right answer.
import { writeFileSync } from "node:fs";

const folder = process.argv[2], planes = 2, height = 3, width = 4, size = 3;
let state = 7;
const whole = () => (state = (state * 48271) % 2147483647) % 9 - 4;
const w = Float32Array.from({ length: planes * planes * size * size }, whole);
const b = Float32Array.from({ length: planes }, whole);
const x = Float32Array.from({ length: planes * height * width }, whole);

const header = JSON.stringify({
	"conv.w": { dtype: "F32", shape: [planes, planes, size, size],
		data_offsets: [0, w.byteLength] },
	"conv.b": { dtype: "F32", shape: [planes],
		data_offsets: [w.byteLength, w.byteLength + b.byteLength] },
});
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(header.length));
writeFileSync(`${folder}/planes.safetensors`, Buffer.concat([length, Buffer.from(header),
	Buffer.from(w.buffer), Buffer.from(b.buffer)]));
const shape = `1, 1, ${planes * height * width}`;
const npy = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117) + "\n";
writeFileSync(`${folder}/planes.npy`, Buffer.concat([
	Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, 118, 0]), Buffer.from(npy),
	Buffer.from(x.buffer)]));

const pixel = (c, u, v) =>
	u >= 0 && u < height && v >= 0 && v < width ? x[(c * height + u) * width + v] : 0;
const weight = (o, c, p, q) => w[((o * planes + c) * size + p) * size + q];

function convolved(o, i, j) {
	let sum = b[o];
	for (let c = 0; c < planes; c++)
		for (let p = 0; p < size; p++)
			for (let q = 0; q < size; q++)
				sum += weight(o, c, p, q) * pixel(c, i + p - 1, j + q - 1);
	return sum;
}

for (let o = 0; o < planes; o++)
	for (let i = 0; i < height; i++)
		for (let j = 0; j < width; j++)
			console.log(convolved(o, i, j));
