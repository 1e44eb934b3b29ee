// lang/tutorial.md as the page shows it, and as a test runs it: HTML, and the programs with the
// prompt that each begins with. A program is a block of ```tw; its prompt is that of its first
// test.
import { marked } from 'marked'

export function readTutorial(markdown) {
	const steps = []
	const renderer = new marked.Renderer()
	// the other pages are not beside the playground
	renderer.link = ({ text }) => text
	const plain = renderer.code.bind(renderer)
	renderer.code = block => {
		if (block.lang !== 'tw') return plain(block)
		const first = block.text.match(/^test\s+"((?:[^"\\]|\\.)*)"/m)
		steps.push({
			program: `${block.text}\n`,
			prompt: first ? JSON.parse(`"${first[1]}"`) : undefined,
		})
		return plain(block).replace('<pre>', `<pre data-step="${steps.length - 1}">`)
	}
	return { html: marked.parse(markdown, { renderer }), steps }
}
