// usage: node tools/editors.mjs [--check]
//
// The editors' word lists, from the language's own tables: the reserved words of
// frontend/syntax/lexer.l, the built-in names of frontend/lower/builtin.c, the library's names.
// Rewrites what stands between "BEGIN words" and "END words" in Vim's syntax file
// and tree-sitter's queries, and the whole TextMate grammar. With --check it changes
// nothing and says which file is out of date (exit status 1).
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const read = path => readFileSync(join(root, path), 'utf8');
const all = (text, re) => [...text.matchAll(re)].map(m => m[1]);
const unique = list => [...new Set(list)].sort();

// ---- the tables ----

const reserved = all(read('frontend/syntax/lexer.l'), /^"([a-z]+)" +\{/gm);
const builtins = unique(all(read('frontend/lower/builtin.c'), /\[B_\w+\] = \{ "(\w+)"/g));
const modules = readdirSync(join(root, 'stdlib'))
	.filter(f => f.endsWith('.tw'))
	.sort()
	.map(f => ({
		name: basename(f, '.tw'),
		names: unique(
			all(read(`stdlib/${f}`), /^(?:fn|let|const|type|enum) +([a-z]\w*)/gm)
		),
	}));

const kinds = {
	constants: ['true', 'false'],
	operators: ['and', 'or', 'not', 'in'],
	control: ['if', 'then', 'else', 'match', 'where', 'by', 'for', 'with', 'return', 'after'],
	modules: ['use', 'as'],
};
const taken = new Set(Object.values(kinds).flat());
kinds.statements = reserved.filter(w => !taken.has(w));
for (const w of taken)
	if (!reserved.includes(w)) throw new Error(`'${w}' is no reserved word any more`);
const streams = ['token', 'index', 'here', 'length', 'vocabulary'].filter(w =>
	builtins.includes(w)
);
const functions = builtins.filter(w => !streams.includes(w));
const types = ['int', 'bool', 'token', 'pos', 'real', 'float'];
const selectors = ['latest', 'first', 'only', 'best'];
const settings = ['vocab', 'context', 'attention'];

// Each has a line that says what it is, for the language server.
const told = new Set(all(read('frontend/editor/keyword_docs.c'), /^\t\{ "(\w+)",/gm));
for (const w of [...reserved, ...builtins, ...types, ...selectors, ...settings])
	if (!told.has(w))
		throw new Error(`frontend/editor/keyword_docs.c does not say what '${w}' is`);

// ---- what is written ----

let stale = 0;
const check = process.argv.includes('--check');

function put(path, text) {
	const old = existsSync(join(root, path)) ? read(path) : '';
	if (old === text) return;
	if (check) {
		console.log(`${path} is not current: run make editors`);
		stale = 1;
	} else {
		writeFileSync(join(root, path), text);
		console.log(`wrote ${path}`);
	}
}

function region(path, lines) {
	if (!existsSync(join(root, path))) return;
	const text = read(path);
	const re = /^([^\n]*BEGIN words[^\n]*\n)[\s\S]*?(^[^\n]*END words)/m;
	if (!re.test(text)) throw new Error(`${path} has no place for the words`);
	put(
		path,
		text.replace(re, (_, begin, end) => begin + lines.join('\n') + '\n' + end)
	);
}

const vim = (group, words) => `syn keyword ${group} ${words.join(' ')}`;
region('lang/editors/vim/syntax/tw.vim', [
	vim('twStatement', kinds.statements),
	vim('twInclude', kinds.modules),
	vim('twConditional', kinds.control),
	vim('twOperator', kinds.operators),
	vim('twBoolean', kinds.constants),
	vim('twSelector', selectors),
	vim('twStream', streams),
	vim('twBuiltin', functions),
	vim('twType contained', types),
	vim('twSetting contained', settings),
	...modules.map(
		m => `syn match twLibrary "\\<${m.name}\\.\\%(${m.names.join('\\|')}\\)\\>"`
	),
]);

const quoted = words => words.map(w => `"${w}"`).join(' ');
region('lang/editors/tree-sitter/queries/highlights.scm', [
	`[${quoted(kinds.statements)}] @keyword`,
	`[${quoted(kinds.modules)}] @include`,
	`[${quoted(kinds.control)}] @conditional`,
	`[${quoted(kinds.operators)}] @keyword.operator`,
	`((name) @variable.builtin (#match? @variable.builtin "^(${streams.join('|')})$"))`,
	'(call function: (name) @function.builtin ' +
		`(#match? @function.builtin "^(${functions.join('|')})$"))`,
]);

region(
	'lang/editors/tree-sitter/src/scanner.c',
	reserved.map(w => `\t"${w}",`)
);

const words = list => `\\b(?:${list.join('|')})\\b`;
const escape = {
	match: `\\\\(?:[ntr0\\\\'"]|u\\{[0-9a-fA-F]+\\})`,
	name: 'constant.character.escape.tw',
};
const unknown = { match: '\\\\.', name: 'invalid.illegal.escape.tw' };
const grammar = {
	$schema: 'https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json',
	comment: "Made by make editors from the language's own tables; do not edit.",
	name: 'tw',
	scopeName: 'source.tw',
	fileTypes: ['tw'],
	patterns: [
		{ include: '#comment' },
		{ include: '#text' },
		{ include: '#model' },
		{ include: '#definition' },
		{ include: '#type' },
		{ include: '#word' },
		{ include: '#number' },
		{ include: '#name' },
		{ include: '#operator' },
	],
	repository: {
		comment: {
			patterns: [
				{
					match: '(#) *(example:)(.*)$',
					name: 'comment.line.number-sign.tw',
					captures: {
						1: { name: 'punctuation.definition.comment.tw' },
						2: { name: 'keyword.other.documentation.tw' },
						3: {
							name: 'meta.embedded.line.tw',
							patterns: [{ include: '#expression' }],
						},
					},
				},
				{
					begin: '#',
					end: '$',
					name: 'comment.line.number-sign.tw',
					beginCaptures: {
						0: { name: 'punctuation.definition.comment.tw' },
					},
				},
			],
		},
		expression: {
			patterns: ['text', 'word', 'number', 'name', 'operator'].map(n => ({
				include: `#${n}`,
			})),
		},
		text: {
			patterns: [
				{
					begin: '"',
					end: '"|$',
					name: 'string.quoted.double.tw',
					patterns: [escape, unknown],
				},
				{
					begin: "'",
					end: "'|$",
					name: 'string.quoted.single.tw',
					patterns: [escape, unknown],
				},
				{ match: '<[a-z][a-z0-9_]*>', name: 'constant.language.token.tw' },
			],
		},
		model: {
			begin: '\\b(model)\\s+([A-Za-z_]\\w*)\\s*\\{',
			end: '\\}',
			name: 'meta.model.tw',
			beginCaptures: {
				1: { name: 'storage.type.tw' },
				2: { name: 'entity.name.type.tw' },
			},
			patterns: [
				{ match: words(settings), name: 'support.type.property-name.tw' },
				{ match: '\\bbidirectional\\b', name: 'constant.language.tw' },
				{ include: '#comment' },
				{ include: '#expression' },
			],
		},
		definition: {
			patterns: [
				{
					match: '\\b(fn)\\s+([A-Za-z_]\\w*)',
					captures: {
						1: { name: 'storage.type.function.tw' },
						2: { name: 'entity.name.function.tw' },
					},
				},
				{
					match: '\\b(let|const|output|input)\\s+([A-Za-z_]\\w*)',
					captures: {
						1: { name: 'storage.type.tw' },
						2: { name: 'variable.other.definition.tw' },
					},
				},
				{
					match: '\\b(enum|type)\\s+([A-Za-z_]\\w*)',
					captures: {
						1: { name: 'storage.type.tw' },
						2: { name: 'entity.name.type.tw' },
					},
				},
				{
					match: '\\b(use)\\s+([A-Za-z_]\\w*)',
					captures: {
						1: { name: 'keyword.control.import.tw' },
						2: { name: 'entity.name.namespace.tw' },
					},
				},
			],
		},
		type: {
			match: `(?:(?<=:)|(?<=->)|(?<=\\])) *(${types.join('|')})\\b\\??`,
			captures: { 1: { name: 'storage.type.primitive.tw' } },
		},
		word: {
			patterns: [
				{
					match: words(kinds.constants),
					name: 'constant.language.boolean.tw',
				},
				{
					match: words(kinds.operators),
					name: 'keyword.operator.logical.tw',
				},
				{ match: words(kinds.control), name: 'keyword.control.tw' },
				{ match: words(kinds.modules), name: 'keyword.control.import.tw' },
				{ match: words(kinds.statements), name: 'storage.type.tw' },
				{
					match: `${words(selectors)}(?=\\s+[A-Za-z_]\\w*\\s+(?:where|in|by)\\b)`,
					name: 'keyword.control.reference.tw',
				},
			],
		},
		number: {
			match: '\\b(?:0x[0-9a-fA-F_]+|0b[01_]+|[0-9]+\\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|[0-9][0-9_]*)\\b',
			name: 'constant.numeric.tw',
		},
		name: {
			patterns: [
				...modules.map(m => ({
					match: `\\b(${m.name})(\\.)(${m.names.join('|')})\\b`,
					captures: {
						1: { name: 'entity.name.namespace.tw' },
						3: { name: 'support.function.library.tw' },
					},
				})),
				{ match: words(streams), name: 'variable.language.tw' },
				{
					match: `${words(functions)}(?=\\()`,
					name: 'support.function.builtin.tw',
				},
				{
					match: '\\b[A-Za-z_]\\w*(?=\\()',
					name: 'entity.name.function.call.tw',
				},
				{ match: '\\b[A-Za-z_]\\w*\\b', name: 'variable.other.tw' },
			],
		},
		operator: {
			match: '\\.\\.\\.|\\.\\.<|\\.\\.|->|=>|==|!=|<=|>=|\\*\\*|//|[-+*/%=<>|]',
			name: 'keyword.operator.tw',
		},
	},
};
put('lang/editors/vscode/syntaxes/tw.tmLanguage.json', JSON.stringify(grammar, null, '\t') + '\n');
process.exit(stale);
