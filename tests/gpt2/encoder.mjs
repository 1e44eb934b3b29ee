// usage: node encoder.mjs GPT-3-ENCODER TOKENS FOLDER   N=10000 SEED=1
//
// Byte pairs against the npm package gpt-3-encoder: N random texts into rows, and N random lists of
// rows into texts. TOKENS is build/gpt2/tokens; FOLDER has vocab.json and merges.txt. Left out are
// U+0085 and U+FEFF, of which JavaScript thinks otherwise than Unicode whether they are spaces, and
// what Unicode has added of late.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, tokens, files] = process.argv.slice(2);
const { encode, decode } = createRequire(import.meta.url)(resolve(folder));
const count = +(process.env.N || 10000);
let state = +(process.env.SEED || 1) * 2654435761 % 4294967296 || 1;
function below(n) { // xorshift32 (Marsaglia 2003)
	state ^= state << 13;
	state ^= state >>> 17;
	state ^= state << 5;
	return (state >>> 0) % n;
}
const one = (list) => list[below(list.length)];
const many = (n, f) => Array.from({ length: below(n) }, f).join("");

const ranges = [[0x20, 0x7e], [0xa0, 0x17f], [0x370, 0x377], [0x391, 0x3a1], [0x400, 0x52f],
	[0x531, 0x556], [0x5d0, 0x5ea], [0x620, 0x669], [0x905, 0x939], [0x966, 0x96f],
	[0xe01, 0xe3a], [0x10a0, 0x10c5], [0x1680, 0x169a], [0x1e00, 0x1eff], [0x2000, 0x2064],
	[0x2070, 0x2071], [0x2074, 0x208e], [0x20a0, 0x20bf], [0x2100, 0x218b], [0x2190, 0x23ff],
	[0x2460, 0x24ff], [0x2600, 0x27bf], [0x3000, 0x30ff], [0x3220, 0x3247], [0x4e00, 0x9fa5],
	[0xac00, 0xd7a3], [0xe000, 0xe010], [0xfb00, 0xfb06], [0xff01, 0xff5e], [0x300, 0x36f],
	[0x10140, 0x10178], [0x10330, 0x1034a], [0x12000, 0x12399], [0x1d400, 0x1d454],
	[0x1d7ce, 0x1d7ff], [0x1f300, 0x1f64f], [0x1f680, 0x1f6c5], [0x20000, 0x200ff]];
function character() {
	const [lo, hi] = one(ranges);
	return String.fromCodePoint(lo + below(hi - lo + 1));
}
const words = ("the of and to in is that it was for on are with as his they be at have this from " +
	"Hello World tokenization antidisestablishmentarianism café naïve Straße ПРИВЕТ мир 你好 " +
	"世界 こんにちは 한국어 مرحبا שלום ไทย x1 3.14159 2,000,000 0xff e.g. U.S.A. constructor " +
	"__proto__ toString hasOwnProperty SolidGoldMagikarp").split(" ");
const ends = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "’s", "''s", "'", "'lll", "'x"];
const spaces = [" ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", " \n ", "\u00a0", "\u3000", "\u2003 ",
	"\v", "\f", "\u2028", "        ", "\t\t\t"];
const code = ["for (int i = 0; i < n; i++)\n\t\tsum += x[i];\n",
	"def f(x):\n    return x ** 2\n",
	"<div class=\"a-b\">&nbsp;</div>", "{\"key\": [1, 2.5e-3, null]}", "https://a.b/c?d=e#f",
	"$ ls -la | grep '^d' > /dev/null 2>&1\n", "#include <stdio.h>\n", "\\alpha^{2}_{i}",
	"```js\n"];
const emoji = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "❤️", "1️⃣", "🏳️‍🌈", "☃", "✓"];
const kinds = [
	() => many(30, character),
	() => many(12, () => one(words) + one(ends.concat(["", "", ""])) + one(spaces)),
	() => many(20, () => one(spaces)) + one(words) + many(20, () => one(spaces)),
	() => many(4, () => one(code) + one(spaces)),
	() => many(10, () => one(emoji) + one(["", " ", "a", "1"])),
	() => many(40, () => String.fromCharCode(32 + below(95))),
	() => many(60, () => one(["a", "A", " ", "1", "'", "s", "\n", "!", "é"])),
	() => one(["a", " ", "=", "0", "ha", "\n", "é", "—"]).repeat(below(200)),
	() => many(8, () => String(below(1e9)) + one(spaces.concat([",", ".", "-", "a"]))),
];
const texts = Array.from({ length: count }, () => one(kinds)());

function run(input, ...more) {
	const { stdout, status, stderr } = spawnSync(tokens,
		[`${files}/vocab.json`, `${files}/merges.txt`, ...more],
		{ input, maxBuffer: 1 << 30 });
	if (status)
		throw new Error(stderr.toString());
	return stdout;
}
let wrong = 0;
function tell(what, of, got, want) {
	if (wrong++ < 10)
		console.log(`${what}: ${JSON.stringify(of)} is ${got}, not ${want}`);
}
const rows = run(texts.map((s) => s + "\0").join("")).toString().split("\n");
texts.forEach((text, i) => {
	const want = encode(text).join(" ");
	if (rows[i] !== want)
		tell("rows", text, rows[i], want);
});
const lists = texts.map((_, i) => i % 2 ? rows[i].split(" ").filter((s) => s).map(Number)
	: Array.from({ length: 1 + below(20) }, () => 256 + below(50000)));
const bytes = run(lists.map((l) => l.join(" ") + "\n").join(""), "--texts");
let at = 0;
lists.forEach((list) => {
	const end = bytes.indexOf(0, at), want = decode(list);
	const got = new TextDecoder("utf-8").decode(bytes.subarray(at, end));
	if (got !== want)
		tell("text", list, got, want);
	at = end + 1;
});
console.log(`byte pairs: ${texts.length} texts into rows and ${lists.length} back, ${wrong} wrong`);
process.exit(wrong ? 1 : 0);
