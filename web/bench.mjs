// usage: node web/bench.mjs
//
// What the page takes in a real browser, beside what it may take: of each, the least of several in
// elapsed time, and the mean in processor time of all of the page's threads (which is more than
// what one waits for: workers compile for themselves, the collector runs beside). Where other work
// keeps the machine busy only the processor time says much.
import fs from 'fs'
import path from 'path'
import { chromium } from 'playwright-core'
import { pathToFileURL } from 'url'
import zlib from 'zlib'

const file = path.resolve(import.meta.dirname, '../build-web/page/playground.html')
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--no-sandbox'],
})
const processes = await browser.newBrowserCDPSession()
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })

async function processorTime() {
	const { processInfo } = await processes.send('SystemInfo.getProcessInfo')
	return processInfo
		.filter(p => p.type === 'renderer')
		.reduce((sum, p) => sum + 1000 * p.cpuTime, 0)
}

const print = (what, most, took, spent = '') =>
	console.log(`| ${[what, most, took, spent].join(' | ')} |`)

// f: what the page is to do, and how long it took as the page saw it.
async function measure(what, most, times, f) {
	let least = Infinity
	await page.evaluate(f)
	const before = await processorTime()
	for (let i = 0; i < times; i++) least = Math.min(least, await page.evaluate(f))
	const spent = ((await processorTime()) - before) / times
	print(what, `${most} ms`, `${least.toFixed(1)} ms`, `${spent.toFixed(1)} ms`)
}

const packed = zlib.brotliCompressSync(fs.readFileSync(file), {
	params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 },
}).length
print('what', 'at most', 'took', 'processor')
print('---', '---', '---', '---')
print('the page, brotli', '450 KB', `${Math.round(packed / 1000)} KB`)

let first = Infinity
for (let i = 0; i < 3; i++) {
	await page.goto('about:blank')
	await page.goto(`${pathToFileURL(file).href}#example=calculator`)
	await page.waitForFunction(() => document.body.dataset.ready === '', null, {
		timeout: 120000,
	})
	first = Math.min(first, await page.evaluate(() => window.tw.took.compile))
}
print('calculator: first compiled in a fresh page', '400 ms', `${first.toFixed(1)} ms`)
await measure('calculator: compiled again', 60, 12, async () => {
	await window.tw.make()
	return window.tw.took.compile
})
await measure('keystroke to diagnostics', 15, 12, async () => {
	const { ed, took } = window.tw
	took.told = 0
	ed.view.dispatch({ changes: { from: 0, insert: '#\n' } })
	while (!took.told) await new Promise(done => setTimeout(done, 2))
	return took.told
})
const run = async () => {
	await window.tw.run()
	return window.tw.took.run
}
await page.evaluate(() => window.tw.open(window.tw.programs.calculator, '12*34='))
await measure('calculator: run, all drawn', 16, 12, run)

const long = `model long { vocab "0123456789+=" context 256 }
${Array.from(
	{ length: 20 },
	(_, i) => `let p${i} = latest j where token[j] == '${i % 10}' and j < here - ${i}
let x${i} = token[p${i} else '0']`,
).join('\n')}
output x = [${Array.from({ length: 20 }, (_, i) => `x${i}`).join(', ')}]
`
const text = Array.from({ length: 200 }, (_, i) => '0123456789+='[(i * 7) % 12]).join('')
await page.evaluate(([program, text]) => window.tw.open(program, text), [long, text])
const heads = await page.evaluate(() =>
	window.tw.view.model.report.heads.reduce((a, b) => a + b, 0),
)
await measure(`200 tokens, ${heads} heads: run, all in view drawn`, 100, 12, run)
await browser.close()
