// usage: node memory.mjs TWC      a twc that has little memory: see tests/lsp.sh
//
// A text too large for the memory there is: the server says so, answers what is asked about it
// with an error, goes on with other documents, and reads it again when it has become smaller.
import assert from 'node:assert/strict';
import { Client } from './client.mjs';

const small = 'model m { vocab "ab" context 4 }\nlet twice = 2\nemit token\n';
const large = small + 'let unused = [1, 2, 3, [4, 5, 6], 7 + 8 * 9]\n'.repeat(200_000);
const client = new Client(process.argv[2]);
const told = new Map(); // uri -> messages of its last diagnostics
let waiting = () => {};

client.onMessage = m => {
	if (m.method !== 'textDocument/publishDiagnostics') return;
	told.set(m.params.uri, m.params.diagnostics.map(d => d.message).join('\n'));
	waiting();
};

async function diagnostics(uri) {
	while (!told.has(uri)) await new Promise(done => (waiting = done));
	const text = told.get(uri);
	told.delete(uri);
	return text;
}
const open = (uri, text) =>
	client.notify('textDocument/didOpen', { textDocument: { uri, version: 1, text } });
const change = (uri, text) =>
	client.notify('textDocument/didChange', {
		textDocument: { uri, version: 2 },
		contentChanges: [{ text }],
	});
const hover = uri =>
	client.ask('textDocument/hover', {
		textDocument: { uri },
		position: { line: 1, character: 5 },
	});

await client.start();
for (let round = 0; round < 2; round++) {
	open('file:///large.tw', large);
	assert.match(await diagnostics('file:///large.tw'), /^out of memory/);
	assert.equal((await hover('file:///large.tw')).error.code, -32603);
	open('file:///small.tw', small);
	assert.match(JSON.stringify((await hover('file:///small.tw')).result), /twice/);
	change('file:///large.tw', small);
	assert.doesNotMatch(await diagnostics('file:///large.tw'), /memory/);
	assert.match(JSON.stringify((await hover('file:///large.tw')).result), /twice/);
}
await client.ask('shutdown');
client.notify('exit');
assert.equal(await client.exit, 0);
