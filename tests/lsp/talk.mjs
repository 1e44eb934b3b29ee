// usage: node tests/lsp/talk.mjs TWC FILE.talk...
//
// Conversations with `twc lsp`. A line is what the client does, lines that begin with
// "< " are what the server then says; those are compared (BLESS=1 writes them). How
// large a model is is not this test's matter, so it is written with N for numbers.
//
//   open NAME          the lines "| …" that follow are the text; waits for diagnostics
//   change NAME        the same
//   close NAME
//   hover NAME 3:5     line and column, from 1; definition, references, prepareRename,
//                      rename (NAME 3:5 NEWNAME) and completion likewise
//   completion NAME 3:5 [PREFIX]
//   symbols NAME       also format, hints, lenses
//   test NAME 7        the test in that line, 0 for all
//   until TEXT ask …   asks again until the answer holds TEXT
//   wait               for the next message
//   send JSON          any message; waits for an answer if it has an id
//   raw "TEXT"         bytes, as a JSON string; waits for one message
//   restart            ends this server and starts another, without initialize
//   end                closes the connection; shows how the server exits
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from './client.mjs';

const [twc, ...files] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), 'talk-'));
let failed = 0;

// Messages one after the other, as they come.
class Server extends Client {
	messages = [];
	waiting = [];
	onMessage = message => (this.waiting.shift() ?? (m => this.messages.push(m)))(message);
	next() {
		return this.messages.length
			? Promise.resolve(this.messages.shift())
			: Promise.race([
					new Promise(done => this.waiting.push(done)),
					this.exit.then(code => ({ exited: code })),
					new Promise((_, no) =>
						setTimeout(
							() => no(new Error('no answer')),
							20000
						).unref()
					),
				]);
	}
}

const uri = name => `file://${dir}/${name}`;
const kinds = {
	hover: 'hover',
	definition: 'definition',
	references: 'references',
	prepareRename: 'prepareRename',
	completion: 'completion',
	rename: 'rename',
	symbols: 'documentSymbol',
	format: 'formatting',
	hints: 'inlayHint',
	lenses: 'codeLens',
};

async function talk(script) {
	let server = new Server(twc),
		id = 0,
		out = [],
		versions = {};
	const here = text => text.replaceAll(dir, 'DIR').replaceAll(process.cwd(), 'TW');
	const print = text => out.push(here(`< ${text}`));
	const say = (message, prefix = '') => {
		if ('exited' in message) return out.push(`< exit ${message.exited}`);
		let body = message.result ?? message.error ?? message.params ?? null;
		if (Array.isArray(body) && body[0]?.label && body[0].kind && !body[0].position)
			// a completion
			return body
				.filter(i => i.label.startsWith(prefix))
				.forEach(({ label, detail, additionalTextEdits: edits }) => {
					const more = edits ? `   +${JSON.stringify(edits)}` : '';
					print(`${label}${detail ? `   ${detail}` : ''}${more}`);
				});
		if (Array.isArray(body) && body.length)
			return body.forEach(i => print(JSON.stringify(i)));
		const lines = body?.contents?.value?.split('\n'); // a hover
		const counts = l => (/^\*.*neuron/.test(l) ? l.replace(/\d+/g, 'N') : l);
		if (lines) return lines.forEach(l => out.push(here(`< ${counts(l)}`.trimEnd())));
		const kind = message.method ?? (message.error ? 'error' : '');
		print(`${kind}${kind ? ' ' : ''}${JSON.stringify(body)}`);
	};
	// shows notifications until the answer; the answer
	const ask = async (method, params, quiet, prefix) => {
		server.send({ id: ++id, method, params });
		for (let m; ;) {
			m = await server.next();
			if (m.id === id && quiet) return m;
			say(m, prefix);
			if (m.id === id || 'exited' in m) return m;
		}
	};
	const start = async () => {
		await server.start();
		server.notify('initialized', {});
	};
	const question = (what, name, at, word) => {
		const [line, column] = (at ?? '').split(':').map(n => n - 1);
		return [
			`textDocument/${kinds[what]}`,
			{
				textDocument: { uri: uri(name) },
				...(at ? { position: { line, character: column } } : {}),
				...(what === 'references'
					? { context: { includeDeclaration: true } }
					: {}),
				...(what === 'rename' ? { newName: word } : {}),
				...(what === 'format'
					? { options: { tabSize: 2, insertSpaces: true } }
					: {}),
				...(what === 'hints'
					? {
							range: {
								start: { line: 0, character: 0 },
								end: { line: 1e6, character: 0 },
							},
						}
					: {}),
			},
		];
	};

	await start();
	for (let i = 0; i < script.length; i++) {
		const line = script[i];
		out.push(line);
		if (!line || line.startsWith('#') || line.startsWith('|')) continue;
		const [command, ...args] = line.split(' ');
		let text = '';
		for (; script[i + 1]?.startsWith('|'); out.push(script[++i]))
			text += script[i + 1].slice(2) + '\n';
		if (command === 'open' || command === 'change') {
			versions[args[0]] = (versions[args[0]] ?? 0) + 1;
			writeFileSync(join(dir, args[0]), text);
			const document = { uri: uri(args[0]), version: versions[args[0]] };
			server.send(
				command === 'open'
					? {
							method: 'textDocument/didOpen',
							params: {
								textDocument: {
									...document,
									languageId: 'tw',
									text,
								},
							},
						}
					: {
							method: 'textDocument/didChange',
							params: {
								textDocument: document,
								contentChanges: [{ text }],
							},
						}
			);
			const m = await server.next();
			m.params?.diagnostics
				? out.push(
						...m.params.diagnostics.map(d =>
							here('< ' + JSON.stringify(d))
						)
					)
				: say(m);
		} else if (command === 'close') {
			server.send({
				method: 'textDocument/didClose',
				params: { textDocument: { uri: uri(args[0]) } },
			});
			say(await server.next());
		} else if (command === 'until') {
			for (
				const end = Date.now() + 20000;
				;
				await new Promise(done => setTimeout(done, 50))
			) {
				const m = await ask(...question(args[1], args[2], args[3]), true);
				if (JSON.stringify(m).includes(args[0]) || Date.now() > end) {
					say(m);
					break;
				}
			}
		} else if (command === 'wait') {
			say(await server.next());
		} else if (command === 'test') {
			await ask('workspace/executeCommand', {
				command: 'tw.test',
				arguments: [uri(args[0]), Number(args[1])],
			});
		} else if (command === 'send') {
			const message = JSON.parse(line.slice(5).replaceAll('DIR', dir));
			server.send(message);
			if ((message.id === undefined) === (message.method === undefined))
				say(await server.next());
		} else if (command === 'raw') {
			server.raw(JSON.parse(line.slice(4)));
			say(await server.next());
		} else if (command === 'restart' || command === 'end') {
			server.child.stdin.end();
			const code = await server.exit;
			if (command === 'end') out.push(`< exit ${code}`);
			server = new Server(twc);
			command === 'end' && (await start());
		} else {
			await ask(
				...question(command, ...args),
				false,
				command === 'completion' ? args[2] : ''
			);
		}
	}
	server.child.stdin.end();
	await server.exit;
	return out;
}

for (const file of files) {
	const old = readFileSync(file, 'utf8').split('\n');
	const got = (await talk(old.filter(l => !l.startsWith('<')))).join('\n');
	if (got === old.join('\n')) continue;
	if (process.env.BLESS) {
		writeFileSync(file, got);
		console.log(`blessed ${file}`);
		continue;
	}
	failed = 1;
	const lines = got.split('\n'),
		at = lines.findIndex((l, i) => l !== old[i]);
	const five = list => list.slice(at, at + 5).join('\n');
	console.log(`${file}:${at + 1}: the server says\n${five(lines)}\ninstead of\n${five(old)}`);
}
rmSync(dir, { recursive: true });
process.exit(failed);
