// In place of the package marked, of which @codemirror/lsp-client asks for this much: blocks of
// code between fences, paragraphs and lists; `code`, **strong** and *emphasis* in them. That is all
// that the language server says (lsp/hover.c), and a twentieth of the size.
const escape = text => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`)

const styled = text =>
	escape(text)
		.replace(/\*\*(\S(?:[^*]*\S)?)\*\*/g, '<strong>$1</strong>')
		.replace(/\*(\S(?:[^*]*\S)?)\*/g, '<em>$1</em>')

const inline = text =>
	text
		.split(/(`[^`]+`)/)
		.map((part, i) =>
			i % 2 ? `<code>${escape(part.slice(1, -1))}</code>` : styled(part),
		)
		.join('')

function block(text) {
	const items = text.split(/^[-*] /m)
	if (items.length > 1 && !items[0].trim())
		return `<ul>${items
			.slice(1)
			.map(item => `<li>${inline(item.trim())}</li>`)
			.join('')}</ul>`
	return `<p>${inline(text)}</p>`
}

export class Marked {
	constructor({ walkTokens }) {
		this.walk = walkTokens
	}

	// what walk makes of a block of code is HTML already
	code(lang, text) {
		const token = { type: 'code', lang, text }
		this.walk(token)
		return `<pre><code>${token.escaped ? token.text : escape(text)}</code></pre>`
	}

	parse(text) {
		return text
			.split(/^```(\w*)\n([^]*?)\n```$/m)
			.map((part, i, all) =>
				i % 3 === 1
					? this.code(part, all[i + 1])
					: i % 3 === 2
						? ''
						: part
								.split(/\n{2,}/)
								.filter(p => p.trim())
								.map(p => block(p.trim()))
								.join(''),
			)
			.join('')
	}
}
