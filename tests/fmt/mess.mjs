// usage: node tests/fmt/mess.mjs SEED FILE.tw      the same program with other gaps
//        node tests/fmt/mess.mjs comments FILE.tw  its comments, one a line
//
// Spaces, line breaks and comments stand between the tokens as the seed has it. What
// the formatter makes of the result means the same.
import { readFileSync } from 'node:fs';

let state = ((Number(process.argv[2]) * 2654435761) % 4294967296) + 1;
const random = n => {
	state = (state * 1664525 + 1013904223) % 4294967296;
	return Math.floor((state / 4294967296) * n);
};
const token =
	/#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|<[a-z][a-z0-9_]*>|\.\.\.|\.\.<|\.\.|->|=>|[=!<>]=|\*\*|\/\/|[0-9]\w*(?:\.[0-9]\w*)?(?:(?<=[0-9][eE])[-+][0-9]+)?|\w+|\S/g;
const gaps = [
	' ',
	' ',
	' ',
	'  ',
	'\t',
	'\n',
	'\n',
	'\n\n\n',
	'\r\n',
	' \n      ',
	' # why\n',
	'\n# alone\n\n',
];
let out = '';
const text = readFileSync(process.argv[3], 'utf8');
for (const [t] of text.matchAll(token))
	if (process.argv[2] === 'comments') out += t[0] === '#' ? t.trimEnd() + '\n' : '';
	else out += t + (t[0] === '#' ? '\n' : gaps[random(gaps.length)]);
process.stdout.write(out);
