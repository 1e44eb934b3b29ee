// usage: node tests/lsp/storm.mjs BUILD-DIR COUNT [FROM]
//
// COUNT programs, faults in most of them, and every question at places of no sense in
// particular: each gets an answer or an error, and what is answered lies in the text.
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';

const [bin, count, from = 1] = process.argv.slice(2);
const programs = ['examples', 'stdlib', 'tests/lang', 'tests/err'].flatMap(d => readdirSync(d).filter(f => f.endsWith('.tw')).map(f => `${d}/${f}`));
const child = spawn(`${bin}/twc`, ['lsp'], { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = new Map();
let data = Buffer.alloc(0), id = 0, at = 'the start';

const fail = what => {
	console.log(`${at}: ${what}`);
	child.kill();
	process.exit(1);
};
child.on('exit', (code, signal) => waiting.size && fail(`the server ended, ${signal ?? code}`));
child.stdin.on('error', () => { });
child.stdout.on('data', d => {
	data = Buffer.concat([data, d]);
	for (let m; (m = /^Content-Length: (\d+)\r\n\r\n/.exec(data.subarray(0, 40).toString('latin1'))); ) {
		const end = m[0].length + Number(m[1]);
		if (data.length < end)
			return;
		const message = JSON.parse(data.subarray(m[0].length, end));
		data = data.subarray(end);
		waiting.get(message.id)?.(message);
		waiting.delete(message.id);
	}
});
const send = m => {
	const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...m }));
	child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
	child.stdin.write(body);
};
const ask = (method, params) => new Promise(done => {
	waiting.set(++id, done);
	send({ id, method, params });
});
setTimeout(() => fail('no answer for too long'), 200000).unref();

let seed = Number(from);
const below = n => (seed = (seed * 48271) % 2147483647) % n;
const ranges = v => v && typeof v === 'object' ? [...'start' in v && 'end' in v ? [v] : [], ...Object.values(v).flatMap(ranges)] : [];

await ask('initialize', { processId: process.pid, capabilities: {} });
for (let i = Number(from); i < Number(from) + Number(count); i++) {
	const text = execFileSync(`${bin}/fuzz/mutate`, [String(i), ...programs]).toString();
	const lines = text.split('\n'), uri = `file:///none/${i % 3}.tw`, textDocument = { uri };
	const place = () => {
		const line = below(lines.length);
		return { line, character: below(lines[line].length + 2) };
	};
	send({ method: 'textDocument/didOpen', params: { textDocument: { uri, version: i, languageId: 'tw', text } } });
	for (let k = 0; k < 6; k++)
		for (const method of ['hover', 'definition', 'references', 'prepareRename', 'rename', 'completion', ...k ? [] : ['documentSymbol', 'formatting', 'inlayHint', 'codeLens']]) {
			const position = place();
			at = `program ${i}, ${method} at ${position.line + 1}:${position.character + 1}`;
			const answer = await ask(`textDocument/${method}`, { textDocument, position, newName: 'another', context: { includeDeclaration: true } });
			if (!('result' in answer) && !answer.error?.message)
				fail(`answered ${JSON.stringify(answer)}`);
			for (const r of method === 'definition' ? [] : ranges(answer.result))
				for (const p of [r.start, r.end])
					if (!(p.line >= 0 && p.line < lines.length && p.character >= 0 && p.character <= lines[p.line].length))
						fail(`${JSON.stringify(p)} is outside of the text`);
		}
	if (below(4) === 0)
		send({ method: 'textDocument/didClose', params: { textDocument } });
}
await ask('shutdown', null);
send({ method: 'exit' });
