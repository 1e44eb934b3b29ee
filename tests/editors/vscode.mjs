// usage: node tests/editors/vscode.mjs EXTENSION-FOLDER TWC
//
// The extension's client against the real server, in a stand-in for VS Code's API: what
// it registers is called as the editor would. (VS Code itself is not here to be asked.)
import assert from 'node:assert/strict';
import Module, { createRequire } from 'node:module';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, twc] = process.argv.slice(2).map(p => resolve(p));

class Position {
	constructor(line, character) {
		Object.assign(this, { line, character });
	}
}
class Range {
	constructor(start, end) {
		Object.assign(this, { start, end });
	}
}
const make = (...names) =>
	class {
		constructor(...args) {
			names.forEach((n, i) => (this[n] = args[i]));
		}
	};
class WorkspaceEdit {
	edits = new Map();
	set(uri, edits) {
		this.edits.set(uri.toString(), edits);
	}
}
const events = {},
	providers = {},
	commands = {},
	shown = [],
	found = new Map();
let waiting = [];
const on = name => handler => ((events[name] = handler), { dispose() {} });
const vscode = {
	Position,
	Range,
	WorkspaceEdit,
	Location: make('uri', 'range'),
	TextEdit: make('range', 'newText'),
	Hover: make('contents', 'range'),
	MarkdownString: make('value'),
	DocumentSymbol: make('name', 'detail', 'kind', 'range', 'selectionRange'),
	CompletionItem: make('label', 'kind'),
	CodeLens: make('range', 'command'),
	Diagnostic: make('range', 'message', 'severity'),
	InlayHint: make('position', 'label', 'kind'),
	Uri: { parse: text => ({ toString: () => text }) },
	languages: new Proxy(
		{
			createDiagnosticCollection: () => ({
				set(uri, list) {
					found.set(uri.toString(), list);
					waiting.splice(0).forEach(done => done(list));
				},
				clear() {
					found.clear();
				},
				dispose() {},
			}),
		},
		{
			get: (has, name) =>
				has[name] ??
				((selector, provider) => (
					(providers[name] = provider),
					{ dispose() {} }
				)),
		}
	),
	commands: { registerCommand: (name, run) => ((commands[name] = run), { dispose() {} }) },
	workspace: {
		textDocuments: [],
		getConfiguration: () => ({ get: () => twc }),
		onDidOpenTextDocument: on('open'),
		onDidChangeTextDocument: on('change'),
		onDidCloseTextDocument: on('close'),
	},
	ViewColumn: { Beside: -2 },
	TextEditorRevealType: { InCenterIfOutsideViewport: 2 },
	ThemeColor: make('id'),
	window: {
		visibleTextEditors: [],
		onDidChangeActiveTextEditor: on('active'),
		onDidChangeTextEditorSelection: on('selection'),
		createTextEditorDecorationType: about => about,
		showErrorMessage: text => shown.push(['error', text]),
		showInformationMessage: text => shown.push(['information', text]),
	},
};
const load = Module._load;
Module._load = (name, ...rest) => (name === 'vscode' ? vscode : load(name, ...rest));

const home = mkdtempSync(join(tmpdir(), 'tw-'));
const uri = pathToFileURL(join(home, 'a program.tw')).href;
let text = `model m {
  vocab   "ab"
  context 4
}
# The other one.
let other = if token == 'a' then 'b' else 'a'
emit othr
test "a" -> "bab"
`;
const document = {
	languageId: 'tw',
	version: 1,
	uri: { toString: () => uri, fsPath: join(home, 'a program.tw') },
	getText: () => text,
};
const diagnostics = () => new Promise(done => waiting.push(done));

const { activate, deactivate } = createRequire(import.meta.url)(`${folder}/client.js`);
vscode.workspace.textDocuments.push(document);
let news = diagnostics();
activate({ subscriptions: [] });
const [mistake] = await news;
assert.match(mistake.message, /undefined name 'othr'; did you mean 'other'/);
assert.deepEqual(mistake.range, new Range(new Position(6, 5), new Position(6, 9)));
assert.equal(mistake.severity, 0);

text = text.replace('othr', 'other');
document.version = 2;
news = diagnostics();
events.change({ document });
assert.deepEqual(await news, []);

const at = new Position(6, 6),
	ask = (name, method, ...args) =>
		providers[`register${name}Provider`][method](document, ...args);
assert.match(
	(await ask('Hover', 'provideHover', at)).contents.value,
	/let other: token[^]*The other one/
);
assert.equal((await ask('Definition', 'provideDefinition', at)).range.start.line, 5);
assert.equal(
	(await ask('Reference', 'provideReferences', at, { includeDeclaration: true })).length,
	2
);
assert.equal((await ask('Rename', 'prepareRename', at)).start.character, 5);
const edits = (await ask('Rename', 'provideRenameEdits', at, 'swapped')).edits.get(uri);
assert.deepEqual(
	edits.map(e => [e.range.start.line, e.newText]),
	[
		[5, 'swapped'],
		[6, 'swapped'],
	]
);
await assert.rejects(ask('Rename', 'provideRenameEdits', at, 'token'), /cannot be called 'token'/);
assert.ok(
	(await ask('CompletionItem', 'provideCompletionItems', at)).some(
		i => i.label === 'other' && i.detail === 'token'
	)
);
assert.deepEqual(
	(await ask('DocumentSymbol', 'provideDocumentSymbols')).map(s => s.name),
	['other']
);
assert.deepEqual(await ask('DocumentFormattingEdit', 'provideDocumentFormattingEdits'), []);
const [hint] = await ask(
	'InlayHints',
	'provideInlayHints',
	new Range(new Position(0, 0), new Position(9, 0))
);
assert.equal(hint.label, ': token');
const [lens] = await ask('CodeLens', 'provideCodeLenses');
assert.equal(lens.command.command, 'tw.runTest');
await commands['tw.runTest'](...lens.command.arguments);
assert.deepEqual(shown, [['information', '1 passed, 0 failed']]);

// The playground beside the editor: where there is none, a line; where it is in the folder, the
// panel is told the program, the files that it uses, and the cursor's line.
vscode.window.activeTextEditor = { document };
const page = join(folder, 'playground.html');
let made = null;
vscode.window.createWebviewPanel = (...args) =>
	(made = {
		args,
		sent: [],
		reveal() {},
		onDidDispose: f => (made.close = f),
		webview: {
			onDidReceiveMessage: f => (made.tell = f),
			postMessage: m => made.sent.push(m),
		},
	});
commands['tw.view']();
if (!made) assert.match(shown.pop()[1], /playground is not installed/);
made?.close();
made = null;
writeFileSync(page, '<!doctype html>the page');
commands['tw.view']();
assert.equal(made.webview.html, '<!doctype html>the page');
assert.equal(made.title, 'tw: a program.tw');
assert.equal(made.args[3].enableScripts, true);
assert.deepEqual(made.sent, []); // not before it is ready
made.tell({ tw: 'ready' });
assert.deepEqual(made.sent.pop(), { tw: 'program', text, files: [] });
writeFileSync(join(home, 'one.tw'), 'use "./two.tw"\nlet x = 1\n');
writeFileSync(join(home, 'two.tw'), 'let y = 2\n');
const alone = text;
text = `use "./one.tw"\nuse digits\n${text}`;
document.version = 3;
news = diagnostics();
events.change({ document });
assert.deepEqual(await news, []);
assert.deepEqual(made.sent.pop(), {
	tw: 'program',
	text,
	files: [
		['one.tw', 'use "./two.tw"\nlet x = 1\n'],
		['two.tw', 'let y = 2\n'],
	],
});
const editor = {
	document,
	selection: { active: new Position(7, 0) },
	setDecorations: (type, ranges) => (editor.marked = ranges),
	revealRange: range => (editor.revealed = range),
};
vscode.window.visibleTextEditors.push(editor);
events.selection({ textEditor: editor });
assert.deepEqual(made.sent.pop(), { tw: 'line', line: 8 });
made.tell({ tw: 'point', from: 8, to: 9 });
assert.deepEqual(editor.marked, [new Range(new Position(7, 0), new Position(8, 0))]);
assert.deepEqual(editor.revealed, editor.marked[0]);
made.tell({ tw: 'point', from: 0, to: 0 });
assert.deepEqual(editor.marked, []);
const another = { ...document, uri: { toString: () => 'file:///b.tw', fsPath: '/b.tw' } };
events.active({ document: another });
assert.equal(made.title, 'tw: b.tw');
events.active({ document: { ...another, languageId: 'c' } });
events.active(undefined);
assert.equal(made.title, 'tw: b.tw');
made.close();
const before = made.sent.length;
text = alone;
document.version = 4;
news = diagnostics();
events.change({ document });
assert.deepEqual(await news, []);
assert.equal(made.sent.length, before); // nothing is sent to a panel that is closed
rmSync(page);

news = diagnostics();
commands['tw.restart']();
assert.deepEqual(await news, []);
assert.ok(await ask('Hover', 'provideHover', at));
events.close(document);
await deactivate();
assert.equal(shown.length, 1);
rmSync(home, { recursive: true });
