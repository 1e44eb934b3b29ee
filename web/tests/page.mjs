// usage: node web/tests/page.mjs BUILD-DIR
//
// The page as a visitor has it: opened from disk in a real browser, where nothing may be asked
// of any server. Ends in "N passed, N failed". CHROMIUM names another browser than Debian's, ONLY
// a test.
import axe from 'axe-core'
import { strict as assert } from 'assert'
import { execFileSync } from 'child_process'
import fs from 'fs'
import os from 'os'
import path from 'path'
import { chromium } from 'playwright-core'
import { pathToFileURL } from 'url'
import zlib from 'zlib'

const build = path.resolve(process.argv[2]),
	root = path.resolve(import.meta.dirname, '../..')
const file = path.join(root, 'build-web/page/playground.html'),
	address = pathToFileURL(file).href
const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'tw-'))
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--no-sandbox'],
})

let passed = 0,
	failed = 0
async function test(name, options, run) {
	if (process.env.ONLY && !name.includes(process.env.ONLY)) return
	const context = await browser.newContext({
		viewport: { width: 1440, height: 900 },
		...options,
	})
	const page = await context.newPage(),
		wrong = []
	page.on('pageerror', e => wrong.push(`error: ${e.stack.split('\n').slice(0, 4).join(' ')}`))
	page.on(
		'console',
		m =>
			m.type() === 'error' &&
			wrong.push(`console: ${m.text()} ${m.location().url.slice(0, 60)}`),
	)
	page.on(
		'request',
		r => /^(file|blob|data):/.test(r.url()) || wrong.push(`request: ${r.url()}`),
	)
	const open = async (hash = '', name = 'playground.html') => {
		await page.goto('about:blank')
		await page.goto(address.replace('playground.html', name) + hash)
		await page.waitForFunction(() => document.body.dataset.ready === '', null, {
			timeout: 120000,
		})
	}
	try {
		await run(page, open, context)
		assert.deepEqual(wrong, [])
		passed++
	} catch (e) {
		failed++
		console.log(`${name}: ${e.message.split('\n').slice(0, 12).join('\n')}`)
	}
	await context.close()
}

const answer = page => page.textContent('#answer')
const settled = page =>
	page.waitForFunction(
		() => !/compiling/.test(document.querySelector('#status').textContent),
	)
const until = (page, text) =>
	page.waitForFunction(t => document.querySelector('#answer').textContent === t, text, {
		timeout: 30000,
	})
const faults = async page => {
	await page.evaluate(axe.source)
	const { violations } = await page.evaluate(() => window.axe.run())
	return violations.map(
		v =>
			`${v.id}: ${v.nodes[0].html.slice(0, 120)} (${v.nodes.length}; ` +
			`${v.nodes[0].any[0]?.message ?? ''})`,
	)
}

await test('size', {}, async () => {
	for (const name of ['playground', 'machine']) {
		const bytes = zlib.brotliCompressSync(
			fs.readFileSync(path.join(path.dirname(file), `${name}.html`)),
			{ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 } },
		).length
		console.log(`${name}.html: ${Math.round(bytes / 1000)} KB brotli`)
		assert(bytes <= 450e3, `${bytes} bytes`)
	}
})

await test('the calculator', {}, async (page, open) => {
	await open()
	assert.equal(await answer(page), '408')
	assert.match(await page.textContent('#status'), /4 layers/)
	assert.match(await page.textContent('#where'), /position 5: “=” → 4/)
})

await test('five digits', {}, async (page, open) => {
	await open()
	await page.evaluate(() =>
		window.tw.ed.set(
			window.tw.ed
				.text()
				.replace(/, 3\)/g, ', 5)')
				.replace(/, 6\)/g, ', 10)')
				.replace('context 16', 'context 24')
				.replace(/^test[^]*/m, 'test "1+1=" -> "2"\n'),
		),
	)
	await page.fill('#prompt', '99999*99999=')
	await until(page, '9999800001')
	assert.match(await page.textContent('#status'), /layers/)
})

await test('a mistake', {}, async (page, open) => {
	await open()
	await page.evaluate(() =>
		window.tw.ed.set(window.tw.ed.text().replace('digits.mul(a', 'digits.mull(a')),
	)
	await page.waitForSelector('#problems .error')
	assert.match(await page.textContent('#problems'), /line 19 .*mull/)
	await page.waitForSelector('.cm-lintRange-error')
	await page.waitForFunction(() =>
		/1 mistake/.test(document.querySelector('#status').textContent),
	)
	assert.equal(await answer(page), '408') // of the program before
	await page.click('#problems button')
	assert(await page.evaluate(() => window.tw.ed.view.hasFocus))
})

await test('completion, hover, rename', {}, async (page, open) => {
	await open()
	await page.evaluate(() => {
		const { view } = window.tw.ed,
			at = view.state.doc.toString().indexOf('digits.before(sign') + 7
		view.dispatch({ selection: { anchor: at } })
		view.focus()
	})
	await page.keyboard.press('Control+Space')
	await page.waitForSelector('.cm-tooltip-autocomplete li')
	assert.match(await page.textContent('.cm-tooltip-autocomplete'), /before/)
	await page.keyboard.press('Escape')
	await page.evaluate(() => {
		const { view } = window.tw.ed,
			at = view.state.doc.toString().indexOf('let a =') + 4
		view.dispatch({ selection: { anchor: at } })
	})
	await page.keyboard.press('F2')
	await page.fill('.cm-panel input', 'left')
	await page.keyboard.press('Enter')
	await page.waitForFunction(() => /digits\.mul\(left, b\)/.test(window.tw.ed.text()))
	const { left, top } = await page.evaluate(() =>
		window.tw.ed.view.coordsAtPos(window.tw.ed.text().indexOf('let sign') + 6),
	)
	await page.mouse.move(left, top + 8)
	await page.mouse.move(left + 1, top + 8)
	await page.waitForSelector('.cm-tooltip-hover', { timeout: 5000 })
})

await test('source and picture point at each other', {}, async (page, open) => {
	await open()
	await page.hover('[data-id="head 1.0"] .what')
	await page.waitForSelector('.cm-line.pointed')
	assert.match(await page.textContent('.cm-line.pointed'), /let sign/)
	assert.match(await page.textContent('#why'), /‘\*’ at position 2/)
	await page.hover('.cm-line:has-text("let sign")')
	await page.waitForSelector('[data-id="head 1.0"].lit')
	assert.equal(await page.locator('[data-id="value b"].lit').count(), 0)
})

await test('a head that is locked shows its scores', {}, async (page, open) => {
	await open()
	await page.click('[data-id="head 1.0"] .what')
	const scores = await page.locator('.scores .cell').allTextContents()
	const won = await page.textContent('.scores .won'),
		sorted = scores
			.filter(Boolean)
			.map(Number)
			.sort((a, b) => b - a)
	assert.equal(Number(won), sorted[0])
	assert(sorted[0] - sorted[1] >= 104)
	assert.match(await page.textContent('#why'), /104/)
	await page.hover('[data-id="value a"] .what')
	assert.match(await page.textContent('#why'), /Attention of layer 1/)
	await page.keyboard.press('Escape')
	assert.equal(await page.locator('.scores').count(), 0)
})

await test('the keyboard alone', {}, async (page, open) => {
	await open()
	await page.focus('#prompt')
	await page.keyboard.press('Control+A')
	await page.keyboard.type('7+8=')
	await until(page, '15')
	await page.focus('#picture')
	await page.keyboard.press('ArrowRight')
	await page.waitForFunction(() =>
		/position 4/.test(document.querySelector('#where').textContent),
	)
	await page.keyboard.press('ArrowDown')
	await page.keyboard.press('ArrowDown')
	await page.keyboard.press('Enter')
	await page.waitForSelector('.row.locked')
	const spoken = () => page.evaluate(() => document.activeElement.textContent)
	assert.match(await spoken(), /a head of layer 0\. At position 4 it looks at/)
	await page.keyboard.press('ArrowLeft')
	await page.waitForFunction(() =>
		/position 3/.test(document.querySelector('#where').textContent),
	)
	assert.match(await spoken(), /At position 3/)
})

await test('a link', {}, async (page, open) => {
	await open()
	await page.evaluate(() =>
		window.tw.ed.set(window.tw.ed.text().replace('model calculator', 'model linked')),
	)
	await page.fill('#prompt', '6*7=')
	await page.waitForFunction(() =>
		/position 3: .* → 4/.test(document.querySelector('#where').textContent),
	)
	await settled(page)
	await page.click('#back')
	await page.waitForFunction(() =>
		/position 2/.test(document.querySelector('#where').textContent),
	)
	await page.click('#share')
	await page.waitForFunction(() => location.hash.startsWith('#p='))
	const hash = await page.evaluate(() => location.hash)
	await page.evaluate(() => localStorage.clear())
	await open(hash)
	assert.equal(await answer(page), '42')
	assert.match(await page.evaluate(() => window.tw.ed.text()), /model linked/)
	assert.match(await page.textContent('#where'), /position 2/)
	await open(`${hash}&embed=1`)
	assert(!(await page.isVisible('#editor')))
	assert(await page.isVisible('#picture'))
	await open('#p=broken')
	assert.match(await page.textContent('#status'), /damaged/)
})

await test('twc view', {}, async page => {
	const folder = path.join(tmp, 'own')
	fs.mkdirSync(path.join(folder, 'lib'), { recursive: true })
	fs.writeFileSync(
		path.join(folder, 'lib/mine.tw'),
		"fn other(t) = if t == 'a' then 'b' else 'a'\n",
	)
	const program =
		'use "./lib/mine.tw"\nmodel own { vocab "ab" context 8 }\n' +
		'emit if index < 4 then mine.other(token) else <end>\ntest "a" -> "baba"\n'
	fs.writeFileSync(path.join(folder, 'own.tw'), program)
	const said = execFileSync(`${build}/twc`, ['view', path.join(folder, 'own.tw'), 'ab'], {
		env: { PATH: process.env.PATH, TMPDIR: tmp },
		stdio: ['ignore', 'pipe', 'ignore'],
	})
	await page.goto(pathToFileURL(said.toString().trim()).href)
	await page.waitForURL(/playground\.html#p=/)
	await page.waitForFunction(() => document.body.dataset.ready === '', null, {
		timeout: 120000,
	})
	assert.equal(await answer(page), 'aba')
	assert.equal(await page.evaluate(() => window.tw.ed.text()), program)
	assert.match(
		await page.evaluate(() =>
			window.tw.linkTo({
				text: 'x',
				prompt: '',
				at: 0,
				files: [['lib/a.tw', 'y']],
			}),
		),
		/&f:lib%2Fa\.tw=/,
	)
})

await test('an editor sends its program', {}, async page => {
	const frame = path.join(tmp, 'frame.html')
	fs.writeFileSync(frame, `<iframe src="${address}" width="1000" height="700"></iframe>`)
	await page.goto(pathToFileURL(frame).href)
	const text = fs.readFileSync(path.join(root, 'examples/reverse_emit.tw'), 'utf8')
	await page.evaluate(
		text =>
			new Promise(done => {
				window.onmessage = ({ data, source }) => {
					if (data.tw !== 'ready') return
					source.postMessage({ tw: 'program', text }, '*')
					done()
				}
			}),
		text,
	)
	const inside = page.frames()[1]
	await inside.waitForFunction(() => document.querySelector('#answer').textContent === 'dcba')
	assert(!(await inside.isVisible('#editor')))
})

// As in a panel of VS Code (lang/editors/vscode): its API takes one message at a time.
await test('in a panel of an editor', {}, async (page, open) => {
	await page.addInitScript(() => {
		window.told = []
		window.acquireVsCodeApi = () => ({
			postMessage(message, transfer) {
				if (transfer !== undefined) throw new TypeError('no sequence')
				window.told.push(message)
			},
		})
	})
	await open()
	const told = what =>
		page.evaluate(w => window.told.filter(m => m.tw === w).at(-1), what)
	assert.deepEqual(await told('ready'), { tw: 'ready' })
	const send = (text, mine) =>
		page.evaluate(([text, mine]) => {
			window.postMessage({ tw: 'program', text, files: [['mine.tw', mine]] }, '*')
		}, [text, mine])
	const program =
		'use "./mine.tw"\nmodel own { vocab "ab" context 8 }\n' +
		'let other = mine.other(token)\n' +
		'emit if index < 4 then other else <end>\ntest "ab" -> "aba"\n'
	await send(program, "fn other(t) = if t == 'a' then 'b' else 'a'\n")
	await until(page, 'aba')
	await send(program, "fn other(t) = if t == 'a' then 'a' else 'b'\n") // the file alone
	await until(page, 'bbb')
	await page.evaluate(() => window.postMessage({ tw: 'line', line: 3 }, '*'))
	await page.waitForSelector('.row.lit')
	await page.click('.row.lit .what')
	const { from, to } = await told('point')
	assert(from <= 3 && 3 <= to, `${from} to ${to}`)
	assert(!(await page.isVisible('#editor')))
})

await test('left and reopened', {}, async (page, open) => {
	await open()
	await page.evaluate(() => window.tw.open(window.tw.programs.adder, '95+17='))
	await until(page, '112')
	await page.click('#next')
	await page.waitForFunction(() =>
		/position 6/.test(document.querySelector('#where').textContent),
	)
	await page.fill('#prompt', '95+18=')
	await until(page, '113')
	await open()
	assert.equal(await answer(page), '113')
	assert.match(await page.evaluate(() => window.tw.ed.text()), /model adder/)
})

await test('the saved model runs in twrun', { acceptDownloads: true }, async (page, open) => {
	await open()
	for (const kind of ['onnx', 'safetensors']) {
		await page.click('#save summary')
		const [download] = await Promise.all([
			page.waitForEvent('download'),
			page.click(`[data-kind=${kind}]`),
		])
		const to = path.join(tmp, download.suggestedFilename())
		await download.saveAs(to)
		if (kind === 'safetensors')
			fs.writeFileSync(
				path.join(tmp, 'config.json'),
				Buffer.from(
					await page.evaluate(async () => [
						...(await window.tw.maker.call('file', 'config')),
					]),
				),
			)
		assert.equal(
			execFileSync(`${build}/twrun`, [to, '12*34=']).toString().trim(),
			'408',
		)
	}
})

await test('tests of the program', {}, async (page, open) => {
	await open()
	await page.click('#run-tests')
	await page.waitForFunction(
		() => /passed/.test(document.querySelector('#tested').textContent),
		null,
		{ timeout: 60000 },
	)
	assert.match(await page.textContent('#tested'), /^\d+ passed, 0 failed/)
	await page.evaluate(() =>
		window.tw.open(window.tw.programs.reverse_emit.replace('-> "dcba"', '-> "dcb"')),
	)
	await page.click('#run-tests')
	await page.waitForFunction(() =>
		/1 failed/.test(document.querySelector('#tested').textContent),
	)
})

await test('every example opens, answers and is drawn', {}, async (page, open) => {
	await open()
	const slow = []
	for (const name of await page.evaluate(() => Object.keys(window.tw.programs))) {
		await page.evaluate(n => window.tw.open(window.tw.programs[n]), name)
		const [said, bad, rows, status] = await page.evaluate(() => [
			document.querySelector('#answer').textContent,
			document.querySelector('#answer').className,
			document.querySelectorAll('#picture .row').length,
			document.querySelector('#status').textContent,
		])
		assert.match(status, /layers?/, `${name}: ${status}`)
		assert.equal(bad, '', `${name}: ${said}`)
		assert(rows > 3, `${name}: ${rows} rows`)
	}
	assert.deepEqual(slow, [])
})

await test('the gallery, the tutorial, the walks', {}, async (page, open) => {
	await open()
	await page.click('#gallery-open')
	await page.click('.card:has-text("caesar")')
	await until(page, 'khoor')
	await page.click('#learn-open')
	assert.equal(await page.locator('#learn pre[data-step]').count(), 10)
	assert.deepEqual(await faults(page), [])
	await page.locator('#learn .open').nth(3).click()
	await until(page, 'dcba')
	for (const id of await page.evaluate(() => window.tw.walks.map(w => w.id))) {
		await page.evaluate(w => window.tw.walkTo(w, 0), id)
		for (let more = true; more; ) {
			assert((await page.textContent('#guide p')).length > 20)
			more = await page.isVisible('#guide button:has-text("Next")')
			await page.click(
				more
					? '#guide button:has-text("Next")'
					: '#guide button:has-text("Done")',
			)
		}
	}
	assert(await page.isHidden('#guide'))
})

await test('numbers that one moves', {}, async (page, open) => {
	await open('#example=kernel')
	const inputs = page.locator('#sliders input')
	assert.equal(await inputs.count(), 2)
	const first = await answer(page)
	const at = await page.evaluate(() => window.tw.view.at)
	await inputs.nth(1).focus()
	await page.keyboard.press('End') // y as large as it may be
	await page.waitForFunction(
		was => document.querySelector('#answer').textContent !== was,
		first,
	)
	const rows = (await page.inputValue('#prompt')).split('; ')
	assert.match(rows[at], / 10$/)
	assert.equal(await page.evaluate(() => window.tw.view.at), at)
	assert.deepEqual(await faults(page), [])
	// a constant of the program is another model
	await open('#example=range_printer')
	const compiled = await page.textContent('#status')
	await page.locator('#sliders input').focus()
	await page.keyboard.press('ArrowLeft')
	await page.waitForFunction(() => /^const most = 5/m.test(window.tw.ed.text()))
	await page.waitForFunction(
		was => {
			const now = document.querySelector('#status').textContent
			return /compiled/.test(now) && now.split(' · ')[1] !== was.split(' · ')[1]
		},
		compiled,
	)
	await open('#example=adder')
	assert(await page.isHidden('#sliders'))
})

await test('reasons lead on', {}, async (page, open) => {
	await open()
	await page.click('[data-id="value answer"] .what')
	await page.waitForSelector('#why .way')
	const to = await page.getAttribute('#why .way >> nth=0', 'data-to')
	await page.click('#why .way >> nth=0')
	await page.waitForSelector(`[data-id="${to}"].locked`)
	assert.deepEqual(await faults(page), [])
})

for (const [name, options] of [
	['a C program', {}],
	[
		'a C program on a dark phone',
		{ viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
	],
])
	await test(name, options, async (page, open) => {
		await open('', 'machine.html')
		assert.match(await page.textContent('#status'), /^\d+ layers .* 179 instructions/)
		assert.match(await page.textContent('#where'), /^1 instructions/)
		await page.click('#step')
		await page.waitForFunction(() =>
			/^2 /.test(document.querySelector('#where').textContent),
		)
		// the head that fetches looks at the instruction that the list marks
		assert.match(await page.textContent('[data-id="head 0.0"] .sr'), /the code at \d+/)
		await page.click('[data-id="head 0.0"] .what')
		assert.match(await page.textContent('#why'), /asks a condition[^]*let fetch/)
		const scores = (await page.locator('.scores .cell').allTextContents())
			.filter(Boolean)
			.map(Number)
			.sort((a, b) => b - a)
		assert(scores[0] - scores[1] >= 104, scores.join(' '))
		assert.deepEqual(await faults(page), [])
		assert(
			(await page.evaluate(
				() => document.documentElement.scrollWidth - innerWidth,
			)) <= 0,
			'wider than the window',
		)
		await page.click('#run')
		await page.waitForFunction(
			() => /ended/.test(document.querySelector('#where').textContent),
			null,
			{ timeout: 120000 },
		)
		assert.match(await page.textContent('#where'), /10,281 instructions.*status 7/)
		const native = execFileSync('sh', [
			'-c',
			`"${build}/twasm" run "${root}/tests/wasm/queens.wasm"; true`,
		])
		assert.equal(await page.textContent('#said'), native.toString())
		await page.selectOption('#program', 'brainf')
		await page.waitForFunction(() => !document.querySelector('#run').disabled)
		await page.click('#run')
		await page.waitForFunction(
			() => /ended/.test(document.querySelector('#where').textContent),
			null,
			{ timeout: 120000 },
		)
		assert.match(await page.textContent('#said'), /^ABC/)
		const own = file => page.setInputFiles('#own', path.join(root, 'tests/wasm', file))
		await own('traps.wasm')
		await page.waitForFunction(() =>
			/trap: integer divide by zero/.test(
				document.querySelector('#where').textContent,
			),
		)
		await own('own.1.wasm')
		await page.waitForFunction(() =>
			/cannot be run/.test(document.querySelector('#status').textContent),
		)
	})

// Of a text of 256 tokens what is in view has cells, and scrolling brings the rest.
await test('a long text', {}, async (page, open) => {
	await open()
	const program = fs.readFileSync(path.join(root, 'examples/rule110.tw'), 'utf8')
	await page.evaluate(text => window.tw.open(text, '00010/'), program)
	const cells = () =>
		page.evaluate(() => {
			const all = what => [...document.querySelectorAll(`#picture ${what}`)],
				right = document.querySelector('#picture').getBoundingClientRect().right,
				list = all('.row.output .cell[data-at]'),
				text = new Map(
					all('.text .cell').map(e => [e.dataset.at, e.offsetLeft]),
				)
			return {
				all: all('.cell').length,
				aligned: list.every(e => e.offsetLeft === text.get(e.dataset.at)),
				last: list.at(-1)?.dataset.at,
				inView: list.some(
					e => e.getBoundingClientRect().right >= right - 40,
				),
			}
		})
	let got = await cells()
	assert(got.all < 600 && got.aligned && got.last < 100, JSON.stringify(got))
	await page.evaluate(() => (document.querySelector('#picture').scrollLeft = 1e5))
	await page.waitForFunction(
		() => document.querySelector('#picture .row.output [data-at="255"]'),
	)
	got = await cells()
	assert(got.all < 600 && got.aligned && got.inView, JSON.stringify(got))
	// at rest nothing is drawn again
	assert(
		await page.evaluate(async () => {
			const wait = ms => new Promise(done => setTimeout(done, ms)),
				grid = () => document.querySelector('#picture .grid')
			await wait(300)
			const before = grid()
			await wait(300)
			return grid() === before
		}),
	)
})

await test('what takes long is stopped', {}, async (page, open) => {
	await open()
	const said = await page.evaluate(() =>
		window.tw.maker
			.within(0.2, 'stopped: a test', 'decode', '12*34=', 1 << 30)
			.catch(e => e.message),
	)
	assert.equal(said, 'stopped: a test')
	await page.evaluate(() => window.tw.make())
	assert.equal(await answer(page), '408')
})

for (const [name, options] of [
	['light', {}],
	['dark', { colorScheme: 'dark' }],
	['a phone', { viewport: { width: 390, height: 844 } }],
	[
		'a dark phone',
		{
			viewport: { width: 390, height: 844 },
			colorScheme: 'dark',
			reducedMotion: 'reduce',
		},
	],
])
	await test(name, options, async (page, open) => {
		await open()
		assert.deepEqual(await faults(page), [])
		assert(
			(await page.evaluate(
				() => document.documentElement.scrollWidth - innerWidth,
			)) <= 0,
			'wider than the window',
		)
		await page.click('[data-id="head 1.0"] .what')
		assert.deepEqual(await faults(page), [])
		await page.click('#gallery-open')
		assert.deepEqual(await faults(page), [])
	})

await browser.close()
fs.rmSync(tmp, { recursive: true })
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
