// usage: node bench/lsp.mjs TWC
//
// How long `twc lsp` takes to answer in a program of 2,000 lines, each question right
// after the whole text has changed: read again, checked, answered. Milliseconds, as the
// client sees them: the median and the longest of 20; and what the server computed for
// each, which other work on the machine does not change.
import { readFileSync } from 'node:fs';
import { Client } from '../tests/lsp/client.mjs';

const lines = [
	'use digits',
	'model big {',
	'  vocab   "0123456789=+-*"',
	'  context 24',
	'}',
	"let equals = latest j where token[j] == '='",
	'let v0 = digits.digit(token)',
];
for (let i = 1; lines.length < 1999; i++) {
	const before = n => `v${Math.max(0, i - n)}`;
	const kinds = [
		[`let v${i} = (${before(1)} + ${before(7)}[here - 1 else 0]) % 10`],
		[`let v${i} = if ${before(1)} > 4 then ${before(1)} - 1 else ${i % 9}`],
		[`fn f${i}(x, const n = 2) = (x * n + ${i}) % 10`, `let v${i} = f${i}(v${i - 1})`],
		['# The larger of two.', `let v${i}: int 0..9 = max(${before(1)}, ${before(3)})`],
		[`let v${i} = match ${before(1)} { 0..4 => 1, else => ${before(2)} }`],
		[`let v${i} = if token in "+-*" then ${before(1)} else ${i % 10}`],
	];
	lines.push(...kinds[i % kinds.length]);
}
const last = lines
	.map(l => /^let (v\d+)/.exec(l)?.[1])
	.filter(Boolean)
	.pop();
const text = [...lines, `emit [digits.char(${last})] after equals`].join('\n') + '\n';

const server = new Client(process.argv[2]);
const textDocument = { uri: 'file:///big.tw' },
	position = { line: 1000, character: 5 };
await server.start();
server.notify('textDocument/didOpen', {
	textDocument: { ...textDocument, version: 1, languageId: 'tw', text },
});
console.log(`twc lsp, ${text.split('\n').length - 1} lines     median   longest  computing (ms)`);
const computed = () =>
	Number(readFileSync(`/proc/${server.child.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
for (const [method, more] of Object.entries({
	hover: { position },
	definition: { position },
	references: { position, context: { includeDeclaration: true } },
	rename: { position, newName: 'renamed' },
	completion: { position },
	documentSymbol: {},
	formatting: { options: { tabSize: 2, insertSpaces: true } },
	inlayHint: {
		range: { start: { line: 0, character: 0 }, end: { line: 9999, character: 0 } },
	},
	codeLens: {},
})) {
	const ms = [],
		before = computed();
	for (let version = 2; version < 22; version++) {
		server.notify('textDocument/didChange', {
			textDocument: { ...textDocument, version },
			contentChanges: [{ text: text + `# ${version}\n` }],
		});
		const from = performance.now();
		const answer = await server.ask(`textDocument/${method}`, {
			textDocument,
			...more,
		});
		ms.push(performance.now() - from);
		if (!answer.result) throw new Error(`${method}: ${JSON.stringify(answer)}`);
	}
	ms.sort((a, b) => a - b);
	const cell = (x, width) => x.toFixed(1).padStart(width);
	console.log(
		`  ${method.padEnd(22)} ${cell(ms[10], 8)} ${cell(ms[19], 9)}`,
		cell((computed() - before) / 20, 10)
	);
}
server.child.stdin.end();
