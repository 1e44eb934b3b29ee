// One HTML file that opens from disk and asks nothing of any server: scripts, styles, the
// compiler's module, examples and tutorial are inside. Its Content-Security-Policy names the
// script by its hash. TW_PAGE=machine makes the other one, machine.html.
import { createHash } from 'crypto'
import fs from 'fs'
import path from 'path'
import { readTutorial } from './tutorial.js'
import { notices } from './notices.js'

const root = path.resolve(import.meta.dirname, '..')
const isMachine = process.env.TW_PAGE === 'machine'
const read = file => fs.readFileSync(path.join(root, file), 'utf8')
const sources = folder =>
	fs
		.readdirSync(path.join(root, folder))
		.filter(f => f.endsWith('.tw'))
		.sort()

// See src/unpack.js. No character of it means anything to HTML or to JavaScript.
function packModule(bytes) {
	const times = new Array(256).fill(0)
	for (const byte of bytes) times[byte]++
	const plain = [...Array(0x7f - 0x20).keys()]
		.map(i => i + 0x20)
		.filter(c => !'"\'\\<`$'.includes(String.fromCharCode(c)))
	const order = [...times.keys()].sort((a, b) => times[b] - times[a]),
		code = new Array(256)
	const give = (bytes, at) =>
		bytes
			.sort((a, b) => a - b)
			.forEach((byte, i) => (code[byte] = String.fromCharCode(at(i))))
	give(order.slice(0, plain.length), i => plain[i])
	give(order.slice(plain.length), i => 0x100 + i)
	return { order: code.join(''), text: Array.from(bytes, byte => code[byte]).join('') }
}

const virtual = {
	'virtual:module': () =>
		packModule(
			fs.readFileSync(
				path.join(root, `build-web/${isMachine ? 'machine' : 'tw'}.wasm`),
			),
		),
	'virtual:tutorial': () => readTutorial(read('lang/tutorial.md')),
	'virtual:examples': () => ({
		programs: Object.fromEntries(
			sources('examples').map(f => [f.slice(0, -3), read(`examples/${f}`)]),
		),
		files: Object.fromEntries(
			sources('examples/lib').map(f => [`lib/${f}`, read(`examples/lib/${f}`)]),
		),
	}),
}

// C programs that run in the machine: what each does, and what it is given to read.
const inMachine = [
	['queens', 'Queens, and a sort', undefined],
	['factorial', 'Factorials of many digits', undefined],
	['hashes', 'FNV-1a, CRC-32 and SHA-256', 'The quick brown fox'],
	['brainf', 'An interpreter', '++++++++[>++++++++<-]>+.+.+.>++++++++++.,.!x'],
	['hungarian', 'The cheapest assignment', undefined],
	[
		'sudoku',
		'A Sudoku',
		'53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79',
	],
]
virtual['virtual:machine'] = () => ({
	files: Object.fromEntries(sources('machine').map(f => [f, read(`machine/${f}`)])),
	programs: inMachine.map(([name, title, input]) => {
		const [, about, c] = read(`tests/wasm/${name}.c`).match(/^\/\*([^]*?)\*\/\s*([^]*)$/)
		return {
			name,
			title,
			input,
			about: about.replace(/\s*\n \* */g, ' ').trim(),
			c: c.replace('#include "world.h"\n', '').trim(),
			wasm: fs
				.readFileSync(path.join(root, `tests/wasm/${name}.wasm`))
				.toString('base64'),
		}
	}),
})

const tag = script => `<script type="module">${script}</script>`

const inside = {
	name: 'one file',
	enforce: 'post',
	generateBundle(options, bundle) {
		const html = Object.values(bundle).find(f => f.fileName.endsWith('.html'))
		for (const file of Object.values(bundle)) {
			if (file === html) continue
			const text = file.code ?? String(file.source)
			if (file.fileName.endsWith('.css'))
				html.source = html.source.replace(
					/<link rel="stylesheet"[^>]*>/,
					() => `<style>${text}</style>`,
				)
			else if (file.isEntry) {
				const script = text
					.replace(/<\/script/g, '<\\/script')
					.replace(/<!--/g, '<\\!--')
				const hash = createHash('sha256').update(script).digest('base64')
				const policy =
					`default-src 'none'; script-src 'sha256-${hash}' ` +
					`'wasm-unsafe-eval' blob:; worker-src blob:; style-src ` +
					`'unsafe-inline'; img-src data:; base-uri 'none'; ` +
					`form-action 'none'`
				html.source = html.source
					.replace(/<script type="module"[^>]*><\/script>\s*/, '')
					.replace(
						'<meta charset="utf-8">',
						m =>
							`${m}\n<meta ` +
							`http-equiv="Content-Security-Policy" ` +
							`content="${policy}">`,
					)
					.replace('</body>', m => `${tag(script)}\n${m}`)
			}
			delete bundle[file.fileName]
		}
		html.source = html.source.replace(
			/^/,
			`<!--\n${notices(path.join(root, 'web/node_modules'), !isMachine)}\n-->\n`,
		)
		html.fileName = isMachine ? 'machine.html' : 'playground.html'
	},
}

export default {
	root: import.meta.dirname,
	base: './',
	build: {
		target: 'es2022',
		outDir: path.join(root, 'build-web/page'),
		emptyOutDir: false,
		rollupOptions: {
			input: path.join(
				import.meta.dirname,
				isMachine ? 'machine.html' : 'index.html',
			),
		},
		assetsInlineLimit: 1e8,
		cssCodeSplit: false,
		modulePreload: false,
		chunkSizeWarningLimit: 4000,
	},
	resolve: { alias: { marked: path.join(import.meta.dirname, 'src/markdown.js') } },
	worker: { format: 'iife' },
	plugins: [
		{
			name: 'virtual files',
			resolveId: id => (virtual[id] ? `\0${id}` : null),
			load: id =>
				id[0] === '\0' && virtual[id.slice(1)]
					? `export default ${JSON.stringify(virtual[id.slice(1)]())}`
					: null,
		},
		inside,
	],
}
