// usage: node tests/lsp/storm.mjs BUILD-DIR COUNT [FROM]
//
// COUNT programs, faults in most of them, and every question at places of no sense in
// particular: each gets an answer or an error, and what is answered lies in the text.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Client } from './client.mjs';

const [bin, count, from = 1] = process.argv.slice(2);
const programs = ['examples', 'stdlib', 'tests/lang', 'tests/err'].flatMap(d =>
	readdirSync(d)
		.filter(f => f.endsWith('.tw'))
		.map(f => `${d}/${f}`)
);
const server = new Client(`${bin}/twc`);
let at = 'the start';

const fail = what => {
	console.log(`${at}: ${what}`);
	server.child.kill();
	process.exit(1);
};
server.exit.then(code => server.answers.size && fail(`the server ended, ${code}`));
setTimeout(() => fail('no answer for too long'), 200000).unref();

let seed = Number(from);
const below = n => (seed = (seed * 48271) % 2147483647) % n;
const ranges = v =>
	v && typeof v === 'object'
		? [...('start' in v && 'end' in v ? [v] : []), ...Object.values(v).flatMap(ranges)]
		: [];

await server.start();
for (let i = Number(from); i < Number(from) + Number(count); i++) {
	const text = execFileSync(`${bin}/fuzz/mutate`, [String(i), ...programs]).toString();
	const lines = text.split('\n'),
		uri = `file:///none/${i % 3}.tw`,
		textDocument = { uri };
	const place = () => {
		const line = below(lines.length);
		return { line, character: below(lines[line].length + 2) };
	};
	server.notify('textDocument/didOpen', {
		textDocument: { uri, version: i, languageId: 'tw', text },
	});
	for (let k = 0; k < 6; k++)
		for (const method of [
			'hover',
			'definition',
			'references',
			'prepareRename',
			'rename',
			'completion',
			...(k ? [] : ['documentSymbol', 'formatting', 'inlayHint', 'codeLens']),
		]) {
			const position = place();
			const { line, character } = position;
			at = `program ${i}, ${method} at ${line + 1}:${character + 1}`;
			const answer = await server.ask(`textDocument/${method}`, {
				textDocument,
				position,
				newName: 'another',
				context: { includeDeclaration: true },
			});
			if (!('result' in answer) && !answer.error?.message)
				fail(`answered ${JSON.stringify(answer)}`);
			for (const r of method === 'definition' ? [] : ranges(answer.result))
				for (const p of [r.start, r.end])
					if (!(
						p.line >= 0 &&
						p.line < lines.length &&
						p.character >= 0 &&
						p.character <= lines[p.line].length
					))
						fail(`${JSON.stringify(p)} is outside of the text`);
		}
	if (below(4) === 0) server.notify('textDocument/didClose', { textDocument });
}
await server.ask('shutdown', null);
server.notify('exit', null);
