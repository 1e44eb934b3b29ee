// Starts `twc lsp` and puts its answers before the editor. It needs nothing but what
// VS Code and its Node.js bring, so that this folder works where it is copied to; it
// speaks only the part of the protocol that this server has.
'use strict';
const vscode = require('vscode');
const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');

// ---- messages over the server's standard input and output

class Server {
	constructor(command, onNotification, onEnd) {
		this.child = spawn(command, ['lsp'], { stdio: ['pipe', 'pipe', 'pipe'] });
		this.waiting = new Map();
		this.id = 0;
		this.data = Buffer.alloc(0);
		this.onNotification = onNotification;
		this.child.stdout.on('data', data => this.take(data));
		this.child.stderr.on('data', data => console.error(`twc lsp: ${data}`));
		this.child.stdin.on('error', () => {});
		this.child.on('error', error => this.end(error, onEnd));
		this.child.on('exit', () => this.end(null, onEnd));
	}

	end(error, onEnd) {
		if (this.ended) return;
		this.ended = true;
		for (const { fail } of this.waiting.values()) fail(new Error('twc lsp has ended'));
		onEnd(error);
	}

	take(data) {
		this.data = Buffer.concat([this.data, data]);
		for (;;) {
			const body = this.data.indexOf('\r\n\r\n') + 4;
			if (body < 4) return;
			const length = Number(
				/Content-Length: *(\d+)/i.exec(
					this.data.toString('latin1', 0, body)
				)[1]
			);
			if (this.data.length < body + length) return;
			const message = JSON.parse(this.data.toString('utf8', body, body + length));
			this.data = this.data.subarray(body + length);
			this.handle(message);
		}
	}

	handle(message) {
		if (message.method) return this.onNotification(message.method, message.params);
		const asked = this.waiting.get(message.id);
		this.waiting.delete(message.id);
		if (message.error) asked?.fail(new Error(message.error.message));
		else asked?.done(message.result);
	}

	send(message) {
		const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
		this.child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
		this.child.stdin.write(body);
	}

	notify(method, params) {
		this.send({ method, params });
	}

	ask(method, params) {
		return new Promise((done, fail) => {
			if (this.ended) return fail(new Error('twc lsp has ended'));
			this.waiting.set(++this.id, { done, fail });
			this.send({ id: this.id, method, params });
		});
	}
}

// ---- the protocol's values as the editor's

const position = p => new vscode.Position(p.line, p.character);
const range = r => new vscode.Range(position(r.start), position(r.end));
const location = l => new vscode.Location(vscode.Uri.parse(l.uri), range(l.range));
const textEdit = e => new vscode.TextEdit(range(e.range), e.newText);
const plain = p => ({ line: p.line, character: p.character });
const textDocument = document => ({ uri: document.uri.toString() });
const place = (document, at) => ({ textDocument: textDocument(document), position: plain(at) });

function symbol(s) {
	// the protocol counts kinds from 1, the editor from 0
	const made = new vscode.DocumentSymbol(
		s.name,
		s.detail ?? '',
		s.kind - 1,
		range(s.range),
		range(s.selectionRange)
	);
	made.children = (s.children ?? []).map(symbol);
	return made;
}

function completion(i) {
	const made = new vscode.CompletionItem(i.label, i.kind - 1);
	made.detail = i.detail;
	made.documentation = i.documentation && new vscode.MarkdownString(i.documentation.value);
	made.additionalTextEdits = i.additionalTextEdits?.map(textEdit);
	return made;
}

function lens(l) {
	return new vscode.CodeLens(range(l.range), {
		title: l.command.title,
		command: 'tw.runTest',
		arguments: l.command.arguments,
	});
}

function workspaceEdit(answer) {
	const edit = new vscode.WorkspaceEdit();
	for (const [uri, edits] of Object.entries(answer.changes))
		edit.set(vscode.Uri.parse(uri), edits.map(textEdit));
	return edit;
}

// What the editor asks, and how the server is asked. The names of the methods are the
// protocol's; `list` is a list of answers, or none.
const list = make => answer => (answer ?? []).map(make);
function providers(ask) {
	const about = (method, make) => async (document, at) =>
		make(await ask(method, place(document, at)));
	const ofAll = (method, make, more) => async document =>
		make(await ask(method, { textDocument: textDocument(document), ...more }));
	return {
		Hover: {
			provideHover: about(
				'hover',
				a =>
					a &&
					new vscode.Hover(
						new vscode.MarkdownString(a.contents.value),
						range(a.range)
					)
			),
		},
		Definition: { provideDefinition: about('definition', a => a && location(a)) },
		Reference: {
			provideReferences: async (document, at, context) =>
				list(location)(
					await ask('references', { ...place(document, at), context })
				),
		},
		Rename: {
			prepareRename: about('prepareRename', a => a && range(a)),
			provideRenameEdits: async (document, at, newName) =>
				workspaceEdit(
					await ask('rename', { ...place(document, at), newName })
				),
		},
		CompletionItem: { provideCompletionItems: about('completion', list(completion)) },
		DocumentSymbol: { provideDocumentSymbols: ofAll('documentSymbol', list(symbol)) },
		DocumentFormattingEdit: {
			provideDocumentFormattingEdits: ofAll('formatting', list(textEdit), {
				options: { tabSize: 2, insertSpaces: true },
			}),
		},
		InlayHints: {
			provideInlayHints: async (document, span) =>
				list(
					h =>
						new vscode.InlayHint(
							position(h.position),
							h.label,
							h.kind
						)
				)(
					await ask('inlayHint', {
						textDocument: textDocument(document),
						range: {
							start: plain(span.start),
							end: plain(span.end),
						},
					})
				),
		},
		CodeLens: { provideCodeLenses: ofAll('codeLens', list(lens)) },
	};
}

// ---- the extension

const selector = { language: 'tw' };
let server,
	stopping = false;

function start(diagnostics) {
	const command = vscode.workspace.getConfiguration('tw').get('twc') || 'twc';
	const onNotification = (method, params) => {
		if (method === 'textDocument/publishDiagnostics')
			diagnostics.set(
				vscode.Uri.parse(params.uri),
				params.diagnostics.map(d => {
					const made = new vscode.Diagnostic(
						range(d.range),
						d.message,
						d.severity - 1
					);
					made.source = d.source;
					return made;
				})
			);
		else if (method === 'window/showMessage')
			(params.type === 1
				? vscode.window.showErrorMessage
				: vscode.window.showInformationMessage)(params.message);
	};
	const onEnd = error => {
		if (server !== one || stopping) return;
		diagnostics.clear();
		vscode.window.showErrorMessage(
			error
				? `${command} cannot be started: ${error.message}. ` +
						'Set tw.twc to where it is.'
				: 'twc lsp has ended; ' +
						'"tw: Restart the language server" starts it again.'
		);
	};
	const one = (server = new Server(command, onNotification, onEnd));
	// what is sent before the answer to initialize waits for it
	one.ready = one
		.ask('initialize', { processId: process.pid, rootUri: null, capabilities: {} })
		.then(
			() => one.notify('initialized', {}),
			() => {}
		);
}

async function ask(method, params) {
	await server.ready;
	return server.ask(method.includes('/') ? method : `textDocument/${method}`, params);
}

async function tell(method, params) {
	await server.ready;
	if (!server.ended) server.notify(`textDocument/${method}`, params);
}

const isOurs = document => document.languageId === 'tw';
const opened = document =>
	isOurs(document) &&
	tell('didOpen', {
		textDocument: {
			...textDocument(document),
			languageId: 'tw',
			version: document.version,
			text: document.getText(),
		},
	});
const changed = ({ document }) => {
	if (!isOurs(document)) return;
	if (document === shown) sendProgram();
	tell('didChange', {
		textDocument: { ...textDocument(document), version: document.version },
		contentChanges: [{ text: document.getText() }],
	});
};
const closed = document =>
	isOurs(document) && tell('didClose', { textDocument: textDocument(document) });

// ---- the playground beside the editor

let panel, shown; // the panel, and the document that it shows

// Where twc view finds it too: beside the compiler, as it is installed or built.
function findPage() {
	const command = vscode.workspace.getConfiguration('tw').get('twc') || 'twc';
	const folders = command.includes('/') ? [''] : process.env.PATH.split(path.delimiter);
	for (const folder of folders) {
		const twc = path.join(folder, command);
		if (!fs.existsSync(twc)) continue;
		for (const page of ['../share/tw', '../build-web/page']) {
			const bin = path.dirname(fs.realpathSync(twc));
			const file = path.join(bin, page, 'playground.html');
			if (fs.existsSync(file)) return file;
		}
	}
	return null;
}

const sendProgram = () =>
	panel?.webview.postMessage({ tw: 'program', text: shown.getText() });

function view() {
	const document = vscode.window.activeTextEditor?.document;
	const page = findPage();
	if (!document || !isOurs(document)) return;
	if (!page) {
		vscode.window.showErrorMessage(
			'tw: the playground is not installed beside twc: make web, make install'
		);
		return;
	}
	shown = document;
	if (panel) return sendProgram();
	panel = vscode.window.createWebviewPanel('tw', 'tw', vscode.ViewColumn.Beside, {
		enableScripts: true,
		retainContextWhenHidden: true,
	});
	panel.onDidDispose(() => (panel = null));
	panel.webview.onDidReceiveMessage(message => message.tw === 'ready' && sendProgram());
	panel.webview.html = fs.readFileSync(page, 'utf8');
}

function activate(context) {
	const diagnostics = vscode.languages.createDiagnosticCollection('tw');
	const restart = () => {
		server?.child.kill();
		start(diagnostics);
		vscode.workspace.textDocuments.forEach(opened);
	};

	start(diagnostics);
	for (const [name, provider] of Object.entries(providers(ask)))
		context.subscriptions.push(
			vscode.languages[`register${name}Provider`](
				selector,
				provider,
				...(name === 'CompletionItem' ? ['.'] : [])
			)
		);
	context.subscriptions.push(
		diagnostics,
		vscode.commands.registerCommand('tw.runTest', (uri, line) =>
			ask('workspace/executeCommand', {
				command: 'tw.test',
				arguments: [uri, line],
			})
		),
		vscode.commands.registerCommand('tw.restart', restart),
		vscode.commands.registerCommand('tw.view', view),
		vscode.workspace.onDidOpenTextDocument(opened),
		vscode.workspace.onDidChangeTextDocument(changed),
		vscode.workspace.onDidCloseTextDocument(closed)
	);
	vscode.workspace.textDocuments.forEach(opened);
}

async function deactivate() {
	if (!server || server.ended) return;
	stopping = true;
	await server.ask('shutdown', null).catch(() => {});
	server.notify('exit', null);
}

module.exports = { activate, deactivate };
