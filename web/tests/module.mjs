// usage: node web/tests/module.mjs BUILD-DIR
//
// The page's module, without a page: every example's file is byte for byte that of twc; each of
// its tests is answered as it says, and drawn as rows without anything missing; the guided
// walks find what they speak of; the tutorial's programs run; the language server answers. Ends
// in "N passed, N failed".
import { strict as assert } from 'assert'
import { execFileSync } from 'child_process'
import fs from 'fs'
import os from 'os'
import path from 'path'
import { instantiate } from '../src/module.js'
import { count, picture, valueAt } from '../src/picture.js'
import { readTutorial } from '../tutorial.js'

globalThis.document = undefined
const { rowOfStep, walks } = await import('../src/walks.js')

const build = path.resolve(process.argv[2]),
	root = path.resolve(import.meta.dirname, '../..')
process.chdir(root)
const module = await WebAssembly.compile(fs.readFileSync('build-web/tw.wasm'))
const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'tw-'))
const read = name => fs.readFileSync(`examples/${name}.tw`, 'utf8')
const examples = fs
	.readdirSync('examples')
	.filter(f => f.endsWith('.tw'))
	.map(f => f.slice(0, -3))

let passed = 0,
	failed = 0
async function test(name, run) {
	try {
		await run()
		passed++
	} catch (e) {
		failed++
		console.log(`${name}: ${e.message.split('\n').slice(0, 6).join('\n')}`)
	}
}

async function fresh() {
	const tw = await instantiate(module)
	for (const file of fs.readdirSync('examples/lib'))
		tw.put(`lib/${file}`, fs.readFileSync(`examples/lib/${file}`, 'utf8'))
	return tw
}

// Of a text: each row that it needs is there, and says something.
function rowsFit(model, trace) {
	const rows = picture(model),
		n = count(trace)
	for (let l = 0; l < model.report.layers; l++) {
		const of = rows.filter(r => r.layer === l)
		assert.equal(of.flatMap(r => r.heads ?? []).length, model.report.heads[l])
		assert.equal(of.flatMap(r => r.neurons ?? []).length, model.report.neurons[l])
		for (const r of of) assert(r.text || r.name || r.verb, `${r.id} has no words`)
	}
	for (const step of model.report.chain)
		assert(
			rows.some(r => r.chain?.includes(step)),
			'a step of the chain has no row',
		)
	for (const r of rows.filter(r => r.kind === 'value'))
		for (let at = 0; at < n; at++)
			assert.notEqual(valueAt(trace, r, at), '', `${r.name} at ${at}`)
	for (const layer of trace.attention)
		for (const head of layer) assert.equal(head.length, n + 1)
}

const tw = await fresh()
for (const name of examples)
	await test(name, () => {
		// the file says what the program's text is called
		const onnx = path.join(tmp, `${name}.onnx`)
		execFileSync(
			`${build}/twc`,
			['--stdlib', 'stdlib', `examples/${name}.tw`, '-o', onnx],
			{ stdio: 'ignore' },
		)
		const { model, diagnostics, failure } = tw.compile('program.tw', read(name))
		assert(model, failure ?? diagnostics[0]?.message)
		assert(
			Buffer.from(tw.file('onnx')).equals(fs.readFileSync(onnx)),
			'the file is not that of twc',
		)
		let answered = 0
		for (const t of model.tests.slice(0, 12)) {
			const trace = tw.trace(t.prompt, 4096)
			assert.equal(trace.error, undefined, `${t.prompt}: ${trace.error}`)
			const answer = trace.tokens
				.slice(trace.nprompt)
				.join(model.record ? ' ' : '')
			if (t.answer !== undefined)
				assert(
					t.begins
						? answer.startsWith(t.answer)
						: answer === t.answer,
					`${t.prompt}: ${answer}, not ${t.answer}`,
				)
			assert(!trace.fell_back)
			rowsFit(model, trace)
			const place = tw.position(Math.min(t.prompt.length, count(trace)) - 1)
			assert.equal(place.awake.length, model.report.layers)
			answered++
		}
		assert(answered)
	})

for (const walk of walks)
	await test(`walk ${walk.id}`, () => {
		const { model } = tw.compile('program.tw', read(walk.example)),
			trace = tw.trace(walk.prompt, 512),
			rows = picture(model)
		assert.equal(trace.error, undefined)
		for (const step of walk.steps) {
			assert(step.at < count(trace), `position ${step.at} of ${count(trace)}`)
			if (step.head || step.neurons || step.value)
				assert(
					rowOfStep(rows, step),
					`no row: ${step.head ?? step.neurons ?? step.value}`,
				)
		}
	})

await test('the tutorial', () => {
	const { steps } = readTutorial(fs.readFileSync('lang/tutorial.md', 'utf8'))
	assert.equal(steps.length, 10)
	for (const { program, prompt } of steps) {
		const { model, diagnostics } = tw.compile('program.tw', program)
		assert(model, diagnostics[0]?.message)
		const trace = tw.trace(prompt, 512)
		assert.equal(trace.error, undefined)
		rowsFit(model, trace)
		assert.equal(tw.test('program.tw', program, 0).status, 0)
	}
})

await test('.safetensors and .gguf', () => {
	const { model } = tw.compile('program.tw', read('adder'))
	assert(model)
	for (const kind of ['safetensors', 'gguf']) {
		const file = path.join(tmp, `adder.${kind}`)
		execFileSync(`${build}/twc`, ['examples/adder.tw', '-o', file])
		const got = Buffer.from(tw.file(kind))
		assert(got.equals(fs.readFileSync(file)), `${kind} is not that of twc`)
	}
	tw.compile('program.tw', read('dyck2'))
	assert.throws(() => tw.file('gguf'), /cannot be a Llama/)
})

await test('mistakes', () => {
	const { model, diagnostics } = tw.compile(
		'program.tw',
		read('calculator').replace('digits.mul(a', 'digits.mull(a'),
	)
	assert.equal(model, undefined)
	assert.match(diagnostics[0].message, /mull/)
	assert.equal(diagnostics[0].line, 19)
	assert.equal(tw.trace('1+1=', 10).tokens, undefined)
})

// What is learned is told apart from what is wrong: at its place, once.
await test('what is learned', () => {
	const refused = text => {
		const { model, diagnostics } = tw.compile('program.tw', text)
		assert.equal(model, undefined)
		const errors = diagnostics.filter(d => d.severity === 'error')
		assert.equal(errors.length, 1, errors.map(d => d.message).join('; '))
		assert.match(errors[0].message, /not in the page; twc has it/)
		return errors[0]
	}
	const model = 'model m { vocab "ab" context 8 }\n'
	assert.equal(refused(`${model}param w: [4] float = 0\nemit 'a'\n`).line, 2)
	assert.equal(refused(`${model}let x = float(index)\nemit 'a'\n`).line, 2)
	const fed = 'model m {\n  context 8\n}\ninput x: [4] float\noutput y = x[0]\n'
	assert.equal(refused(fed).line, 4)
	for (const folder of ['examples/learned', 'tests/train'])
		for (const file of fs.readdirSync(folder).filter(f => f.endsWith('.tw')))
			refused(fs.readFileSync(path.join(folder, file), 'utf8'))
	assert(tw.compile('program.tw', read('adder')).model)
})

await test('tests that fail', () => {
	const { status, output } = tw.test(
		'program.tw',
		read('reverse_emit').replace('-> "dcba"', '-> "dcb"'),
		0,
	)
	assert.equal(status, 1)
	assert.match(output, /program\.tw:13.*expected "dcb"/)
	assert.match(output, /4 passed, 1 failed/)
})

await test('numbers', () => {
	const { model } = tw.compile('program.tw', read('raw_graph'))
	assert.deepEqual(
		model.inputs.map(i => i.name),
		['x[0]', 'x[1]'],
	)
	assert.deepEqual(tw.trace('1 0; 0 1', 10).labels[0], {
		name: 'score',
		values: ['3.375', '1.375'],
	})
	assert.match(tw.trace('1 0; 0', 10).error, /as many numbers/)
	assert.match(tw.trace('9 9', 10).error, /not what the program takes/)
})

await test('a library alone', () => {
	const { model } = tw.compile('digits.tw', fs.readFileSync('stdlib/digits.tw', 'utf8'))
	assert(model)
})

await test('the language server', async () => {
	const server = await fresh(),
		uri = 'file:///program.tw',
		place = (line, character) => ({
			textDocument: { uri },
			position: { line, character },
		})
	const ask = (id, method, params) => server.lsp({ jsonrpc: '2.0', id, method, params })
	assert.equal(ask(1, 'initialize', {})[0].result.serverInfo.name, 'twc')
	const text = read('calculator')
	const opened = server.lsp({
		jsonrpc: '2.0',
		method: 'textDocument/didOpen',
		params: { textDocument: { uri, languageId: 'tw', version: 1, text } },
	})
	assert.deepEqual(
		opened.find(m => m.method === 'textDocument/publishDiagnostics').params
			.diagnostics,
		[],
	)
	const compiled = tw.compile('program.tw', text)
	assert.deepEqual(server.built(uri, 0, compiled.built), [])
	server.built(uri, 1, compiled.built)
	assert.match(
		ask(2, 'textDocument/hover', place(13, 4))[0].result.contents.value,
		/layer 1/,
	)
	assert(
		ask(3, 'textDocument/completion', place(13, 15))[0].result.some(
			i => i.label === 'before',
		),
	)
	assert.equal(
		ask(4, 'textDocument/definition', place(19, 54))[0].result.range.start.line,
		13,
	)
	assert.equal(ask(5, 'textDocument/definition', place(13, 16))[0].result, null)
	assert(
		ask(6, 'textDocument/rename', { ...place(13, 4), newName: 'left' })[0].result
			.changes[uri].length > 3,
	)
	const late = server.built(uri, 1, {
		errors: [{ lo: 0, hi: 3, message: 'too large', warning: false }],
	})
	assert.equal(late[0].params.diagnostics[0].message, 'too large')
})

fs.rmSync(tmp, { recursive: true })
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
