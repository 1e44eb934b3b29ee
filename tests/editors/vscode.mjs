// usage: node tests/editors/vscode.mjs EXTENSION-FOLDER TWC
//
// The extension's client against the real server, in a stand-in for VS Code's API: what
// it registers is called as the editor would. (VS Code itself is not here to be asked.)
import assert from 'node:assert/strict';
import Module, { createRequire } from 'node:module';
import { resolve } from 'node:path';

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
	window: {
		showErrorMessage: text => shown.push(['error', text]),
		showInformationMessage: text => shown.push(['information', text]),
	},
};
const load = Module._load;
Module._load = (name, ...rest) => (name === 'vscode' ? vscode : load(name, ...rest));

const uri = 'file:///tmp/a%20program.tw';
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
	uri: { toString: () => uri },
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

// The playground is shown where there is one; what it is sent, once it is ready.
const sent = [];
let receive;
vscode.ViewColumn = { Beside: -2 };
vscode.window.createWebviewPanel = () => ({
	onDidDispose() {},
	webview: {
		onDidReceiveMessage: f => (receive = f),
		postMessage: m => sent.push(m),
	},
});
vscode.window.activeTextEditor = { document };
commands['tw.view']();
if (receive) {
	receive({ tw: 'ready' });
	assert.deepEqual(sent, [{ tw: 'program', text }]);
	events.change({ document });
	assert.equal(sent.length, 2);
} else {
	assert.match(shown.pop()[1], /playground is not installed/);
}

news = diagnostics();
commands['tw.restart']();
assert.deepEqual(await news, []);
assert.ok(await ask('Hover', 'provideHover', at));
events.close(document);
await deactivate();
assert.equal(shown.length, 1);
