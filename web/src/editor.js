// The editor: CodeMirror, with the language server of twc lsp behind it.
import {
	autocompletion,
	closeBrackets,
	closeBracketsKeymap,
	completionKeymap,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import {
	bracketMatching,
	HighlightStyle,
	StreamLanguage,
	syntaxHighlighting,
} from '@codemirror/language'
import { lintGutter, lintKeymap } from '@codemirror/lint'
import { languageServerExtensions, LSPClient, LSPPlugin } from '@codemirror/lsp-client'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { EditorState, StateEffect, StateField } from '@codemirror/state'
import {
	Decoration,
	drawSelection,
	EditorView,
	highlightActiveLine,
	keymap,
	lineNumbers,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'

export const uri = 'file:///program.tw'

const keywords =
	/^(?:use|as|model|enum|type|const|let|fn|emit|output|input|assert|test|if|then|else|match|where|by|for|with|return|after|and|or|not|in|latest|first|best|only|vocab|context|attention|bidirectional)\b/
const language = StreamLanguage.define({
	name: 'tw',
	token(s) {
		if (s.match(/^#.*/)) return 'comment'
		if (s.match(/^"(?:[^"\\]|\\.)*"?/) || s.match(/^'(?:[^'\\]|\\.)*'?/))
			return 'string'
		if (s.match(/^(?:0x[0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9]+)?)/)) return 'number'
		if (s.match(keywords)) return 'keyword'
		if (s.match(/^(?:true|false)\b/)) return 'atom'
		if (s.match(/^(?:token|index|here|length|int|bool|pos|real)\b/)) return 'typeName'
		if (s.match(/^[A-Za-z_]\w*/)) return 'variableName'
		s.next()
		return 'operator'
	},
	languageData: {
		commentTokens: { line: '#' },
		closeBrackets: { brackets: ['(', '[', '{', '"'] },
	},
})
const colours = HighlightStyle.define([
	{ tag: tags.comment, color: 'var(--comment)' },
	{ tag: tags.string, color: 'var(--string)' },
	{ tag: [tags.number, tags.atom], color: 'var(--number)' },
	{ tag: tags.keyword, color: 'var(--keyword)', fontWeight: 600 },
	{ tag: tags.typeName, color: 'var(--builtin)' },
])

// Lines that the picture points at.
const point = StateEffect.define()
const pointed = StateField.define({
	create: () => Decoration.none,
	update(marks, change) {
		marks = marks.map(change.changes)
		for (const effect of change.effects)
			if (effect.is(point)) {
				const last = change.state.doc.lines,
					from = effect.value[0],
					to = Math.min(effect.value[1], last)
				const lines =
					from > 0 && from <= last
						? Array.from(
								{ length: to - from + 1 },
								(_, i) => from + i,
							)
						: []
				marks = Decoration.set(
					lines.map(l =>
						Decoration.line({ class: 'pointed' }).range(
							change.state.doc.line(l).from,
						),
					),
				)
			}
		return marks
	},
	provide: field => EditorView.decorations.from(field),
})

// onChange(text, version), onProblems([{line, message, error}]), onLine(line or 0)
export async function editor(parent, text, { words, onChange, onProblems, onLine }) {
	const listeners = new Set()
	const receive = messages => {
		for (const m of messages) {
			listeners.forEach(f => f(JSON.stringify(m)))
			if (m.method === 'textDocument/publishDiagnostics')
				onProblems(
					m.params.diagnostics.map(d => ({
						line: d.range.start.line + 1,
						message: d.message,
						error: d.severity === 1,
					})),
				)
		}
	}
	const client = new LSPClient({
		extensions: languageServerExtensions(),
		timeout: 10000,
	}).connect({
		send: m => void words.call('lsp', JSON.parse(m)).then(receive, () => {}),
		subscribe: f => listeners.add(f),
		unsubscribe: f => listeners.delete(f),
	})
	await client.initializing
	let line = 0
	const state = doc =>
		EditorState.create({
			doc,
			extensions: [
				lineNumbers(),
				history(),
				drawSelection(),
				highlightActiveLine(),
				bracketMatching(),
				closeBrackets(),
				highlightSelectionMatches(),
				autocompletion(),
				language,
				syntaxHighlighting(colours),
				client.plugin(uri, 'tw'),
				lintGutter(),
				pointed,
				EditorView.contentAttributes.of({
					'aria-label': 'The program',
					tabindex: '0',
					spellcheck: 'false',
				}),
				keymap.of([
					...closeBracketsKeymap,
					...completionKeymap,
					...searchKeymap,
					...lintKeymap,
					...historyKeymap,
					...defaultKeymap,
				]),
				EditorView.updateListener.of(update => {
					if (update.docChanged) {
						client.sync()
						onChange(update.state.doc.toString())
					}
				}),
				EditorView.domEventHandlers({
					mousemove(event, view) {
						const at = view.posAtCoords(
							{ x: event.clientX, y: event.clientY },
							false,
						)
						const now = view.state.doc.lineAt(at).number
						if (now !== line) onLine((line = now))
					},
					mouseleave() {
						onLine((line = 0))
					},
				}),
			],
		})
	const view = new EditorView({ parent, state: state(text) })
	return {
		view,
		text: () => view.state.doc.toString(),
		version: () => client.workspace.getFile(uri)?.version ?? 0,
		set(to) {
			view.dispatch({
				changes: { from: 0, to: view.state.doc.length, insert: to },
				selection: { anchor: 0 },
				scrollIntoView: true,
			})
		},
		replace(at, length, text) {
			view.dispatch({ changes: { from: at, to: at + length, insert: text } })
		},
		// What compiling found goes to the language server, which tells the editor.
		async built(result, version) {
			receive(await words.call('built', uri, version, result))
		},
		point(from, to = from, scroll = false) {
			const effects = [point.of([from, to])]
			if (scroll && from > 0 && from <= view.state.doc.lines)
				effects.push(
					EditorView.scrollIntoView(
						view.state.doc.line(from).from,
						{ y: 'center' },
					),
				)
			view.dispatch({ effects })
		},
		select(line) {
			const at = view.state.doc.line(
				Math.min(Math.max(line, 1), view.state.doc.lines),
			)
			view.dispatch({ selection: { anchor: at.from }, scrollIntoView: true })
			view.focus()
		},
		plugin: () => LSPPlugin.get(view),
	}
}
