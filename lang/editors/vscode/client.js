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
	if (panel) sendProgram(); // it may be a file that the program uses
	tell('didChange', {
		textDocument: { ...textDocument(document), version: document.version },
		contentChanges: [{ text: document.getText() }],
	});
};
const closed = document =>
	isOurs(document) && tell('didClose', { textDocument: textDocument(document) });

// ---- the playground beside the editor
//
// A panel with the page that twc view opens. It is told {tw: 'program', text, files} as one types
// and {tw: 'line', line} as the cursor moves; it tells {tw: 'ready'}, and {tw: 'point', from, to},
// lines that a head or a group of neurons is made of.

let panel, shown, marks; // the panel, the document that it shows, and how its lines are marked

// In this folder, or beside the compiler, as it is installed or built.
function findPage() {
	const command = vscode.workspace.getConfiguration('tw').get('twc') || 'twc';
	const inPath = (process.env.PATH ?? '').split(path.delimiter);
	const folders = command.includes('/') ? [''] : inPath;
	const places = [__dirname];
	for (const folder of folders) {
		const twc = path.join(folder, command);
		if (!fs.existsSync(twc)) continue;
		const bin = path.dirname(fs.realpathSync(twc));
		places.push(path.join(bin, '../share/tw'), path.join(bin, '../build-web/page'));
	}
	return places.map(p => path.join(p, 'playground.html')).find(p => fs.existsSync(p));
}

// A file as it stands in an editor, or else on the disk; undefined if it is nowhere.
function textOf(file) {
	const open = vscode.workspace.textDocuments.find(d => d.uri.fsPath === file);
	if (open) return open.getText();
	try {
		return fs.readFileSync(file, 'utf8');
	} catch {
		return undefined;
	}
}

// The files of its own that a program uses, and those use: [path as it names them, text].
function filesOf(file, text) {
	const home = path.dirname(file),
		found = new Map();
	const collect = (from, text) => {
		for (const [, used] of text.matchAll(/^\s*use\s+"([^"]+)"/gm)) {
			const other = path.resolve(path.dirname(from), used),
				name = path.relative(home, other),
				its = textOf(other);
			if (its === undefined || found.has(name)) continue;
			found.set(name, its);
			collect(other, its);
		}
	};
	if (file) collect(file, text);
	return [...found];
}

function sendProgram() {
	const text = shown.getText();
	panel?.webview.postMessage({
		tw: 'program',
		text,
		files: filesOf(shown.uri.fsPath, text),
	});
}

function sendLine({ textEditor }) {
	if (!panel || textEditor.document !== shown) return;
	const { line } = textEditor.selection.active;
	panel.webview.postMessage({ tw: 'line', line: line + 1 });
}

function show(document) {
	shown = document;
	panel.title = `tw: ${path.basename(document.uri.fsPath ?? '')}`;
	sendProgram();
}

// Marks lines of the program; from is 0 where there are none.
function mark(from, to) {
	const { InCenterIfOutsideViewport } = vscode.TextEditorRevealType;
	const start = { line: from - 1, character: 0 },
		end = { line: to - 1, character: 0 };
	const lines = from ? [range({ start, end })] : [];
	for (const editor of vscode.window.visibleTextEditors) {
		if (editor.document !== shown) continue;
		editor.setDecorations(marks, lines);
		if (lines.length) editor.revealRange(lines[0], InCenterIfOutsideViewport);
	}
}

function received(message) {
	if (message.tw === 'ready') sendProgram();
	else if (message.tw === 'point') mark(message.from, message.to);
}

function view() {
	const document = vscode.window.activeTextEditor?.document;
	if (!document || !isOurs(document)) return;
	const page = findPage();
	if (!page) {
		vscode.window.showErrorMessage(
			'tw: the playground is not installed beside twc: make web, make install'
		);
		return;
	}
	if (panel) {
		panel.reveal(undefined, true);
		return show(document);
	}
	shown = document;
	panel = vscode.window.createWebviewPanel(
		'tw',
		'tw',
		{ viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
		{ enableScripts: true, retainContextWhenHidden: true, localResourceRoots: [] }
	);
	marks ??= vscode.window.createTextEditorDecorationType({
		isWholeLine: true,
		backgroundColor: new vscode.ThemeColor('editor.findMatchHighlightBackground'),
	});
	panel.title = `tw: ${path.basename(document.uri.fsPath ?? '')}`;
	panel.onDidDispose(() => {
		mark(0);
		panel = null;
	});
	panel.webview.onDidReceiveMessage(received);
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
		vscode.window.onDidChangeActiveTextEditor(
			editor =>
				panel &&
				editor &&
				isOurs(editor.document) &&
				show(editor.document)
		),
		vscode.window.onDidChangeTextEditorSelection(sendLine),
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
