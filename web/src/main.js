// The page: an editor, a prompt, and the picture of what the compiled transformer does with it.
import './style.css'
import modulePacked from 'virtual:module'
import examples from 'virtual:examples'
import { client, Stopped } from './client.js'
import { draw, drawInView, element, light } from './draw.js'
import { editor } from './editor.js'
import { openGallery } from './gallery.js'
import { openTutorial } from './learn.js'
import { keep, linkTo, readLink, recall } from './link.js'
import { count, describe, picture, spelled, tokenAt } from './picture.js'
import { constants, numberRows, showSliders } from './sliders.js'
import { colours } from './theme.js'
import { unpackModule } from './unpack.js'
import { guide, walks } from './walks.js'
import { legend, why } from './why.js'

const { files, programs } = examples
const $ = id => document.getElementById(id)
const took = {} // what things took, in ms: for the tests
const begun = performance.now()
const patience = 20 // seconds that compiling or running may take
const mostDrawn = 512 // tokens; a longer text is answered, and its beginning drawn

const module = await WebAssembly.compile(unpackModule(modulePacked))
took.module = performance.now() - begun
const words = client(module),
	maker = client(module) // one answers the editor, the other compiles and runs
await Promise.all([words.ready, maker.ready])

const link = await readLink(location.hash),
	left = link.text || link.example ? {} : recall(),
	own = link.text ? link.files : (left.files ?? []) // that came with the program
for (const [path, text] of [...Object.entries(files), ...own]) {
	words.put(path, text)
	maker.put(path, text)
}
if (link.embed) document.body.classList.add('embed')
colours($('theme'))

// What is shown: the model, its rows, a text and one of its positions; the row that is locked.
const view = { model: null, rows: [], trace: null, at: 0, place: null, locked: null }
let changed = 0,
	ran = null, // the prompt that is shown
	timer,
	wanted = { prompt: link.prompt ?? left.prompt, at: link.at ?? left.at }

const text = link.text ?? programs[link.example] ?? left.text ?? programs.calculator
const ed = await editor($('editor'), text, {
	words,
	onChange() {
		changed = performance.now()
		clearTimeout(timer)
		timer = setTimeout(make, 150)
		remember()
	},
	onProblems: problems,
	onLine: line => light($('picture'), view.rows, line),
})

const shown = () => ({
	text: ed.text(),
	prompt: $('prompt').value,
	at: view.at,
	files: own,
})

function remember() {
	if (!link.embed) keep(shown())
}

function problems(list) {
	took.told = performance.now() - changed
	const shown = list.slice(0, 6).map(p =>
		element(
			'button',
			{
				type: 'button',
				className: p.error ? 'error' : 'warning',
				onclick: () => ed.select(p.line),
			},
			element('b', { textContent: `line ${p.line}` }),
			` ${p.message}`,
		),
	)
	$('problems').replaceChildren(...shown)
}

// ---- compiling ----

const say = message => ($('status').textContent = message)

// The place of a mistake in bytes, as the language server counts.
function bytesAt(source, line, column) {
	const lines = source.split('\n'),
		before = lines.slice(0, line - 1).join('\n') + (line > 1 ? '\n' : '')
	return new TextEncoder().encode(
		before + [...(lines[line - 1] ?? '')].slice(0, column - 1).join(''),
	).length
}

function lateErrors(source, diagnostics) {
	return diagnostics
		.filter(d => d.severity === 'error')
		.map(d => {
			const here =
				d.file === 'program.tw'
					? d
					: d.notes.find(n => n.file === 'program.tw')
			return {
				lo: here ? bytesAt(source, here.line, here.column) : 0,
				hi: here ? bytesAt(source, here.end_line, here.end_column) : 0,
				message:
					here === d
						? d.message
						: `${d.file}:${d.line}: ${d.message}`,
				warning: false,
			}
		})
}

async function make() {
	const source = ed.text(),
		version = ed.version(),
		begun = performance.now()
	say('compiling …')
	let made
	try {
		made = await maker.within(
			patience,
			`stopped: compiling takes more than ${patience} seconds`,
			'compile',
			'program.tw',
			source,
		)
	} catch (e) {
		document.body.classList.add('stale')
		return say(
			e instanceof Stopped ? e.message : `the compiler fell over: ${e.message}`,
		)
	}
	if (source !== ed.text()) return
	took.compile = maker.took
	took.made = performance.now() - begun
	const shown = new Set(
		[...$('problems').children]
			.filter(e => e.className === 'error')
			.map(e => e.textContent),
	)
	await ed.built(
		made.model
			? made.built
			: { errors: shown.size ? [] : lateErrors(source, made.diagnostics) },
		version,
	)
	if (!made.model) {
		const n = made.diagnostics.filter(d => d.severity === 'error').length
		document.body.classList.add('stale')
		return say(
			made.failure ??
				`${n} mistake${n === 1 ? '' : 's'}: the picture is of the ` +
					`program before`,
		)
	}
	document.body.classList.remove('stale')
	view.model = made.model
	view.rows = picture(made.model)
	if (!view.rows.some(r => r.id === view.locked)) view.locked = null
	say(`${describe(made.model.report)} · compiled in ${Math.round(took.compile)} ms`)
	offerPrompts()
	await run()
}

function offerPrompts() {
	const prompts = [...new Set(view.model.tests.map(t => t.prompt))].filter(Boolean)
	$('prompts').replaceChildren(
		...prompts.slice(0, 10).map(p =>
			element('button', {
				type: 'button',
				textContent: p.length > 28 ? `${p.slice(0, 27)}…` : p,
				title: p,
				onclick() {
					$('prompt').value = p
					run()
				},
			}),
		),
	)
	if (wanted.prompt !== undefined && wanted.prompt !== null)
		$('prompt').value = wanted.prompt
	else if (!$('prompt').value || !fits($('prompt').value))
		$('prompt').value = prompts.find(p => p.length > 2) ?? prompts[0] ?? ''
	wanted.prompt = undefined
}

// Could the prompt be of this vocabulary? A first look: the runtime says for sure.
function fits(prompt) {
	const { vocab, record, inputs } = view.model
	if (record || inputs.length) return /^[[{\d-]/.test(prompt.trim())
	const longest = [...vocab].sort((a, b) => b.length - a.length)
	for (let at = 0; at < prompt.length; ) {
		const word = longest.find(w => prompt.startsWith(w, at))
		if (!word) return false
		at += word.length
	}
	return true
}

// ---- running ----

async function run() {
	if (!view.model) return
	const begun = performance.now(),
		prompt = $('prompt').value
	let got
	try {
		got = await maker.within(
			patience,
			`stopped: running takes more than ${patience} seconds`,
			'traceAt',
			prompt,
			mostDrawn,
			// the same prompt again, of a changed program: one stays where one was
			wanted.at ?? (prompt === ran ? view.at : null),
		)
	} catch (e) {
		say(e.message)
		setTimeout(make, 0) // the model went with its worker
		return
	}
	if (prompt !== $('prompt').value) return
	if (got.error || !got.tokens) {
		$('answer').className = 'bad'
		$('answer').textContent = got.error ?? ''
		return
	}
	if (view.model.inputs.length) got.inputs = numberRows(prompt)
	view.trace = got
	answer()
	ran = prompt
	view.at = got.at
	view.place = got.place
	if (got.place.awake) paint()
	wanted.at = undefined
	took.run = performance.now() - begun
	remember()
}

function answer() {
	const { trace, model } = view,
		said = trace.tokens.slice(trace.nprompt)
	$('answer').className = ''
	$('answer').textContent = model.emits
		? said.map(spelled).join(model.record ? '  ' : '') + (trace.done ? '' : ' …')
		: trace.labels
				.map(
					l =>
						(trace.labels.length > 1 ? `${l.name}: ` : '') +
						l.values.join(' '),
				)
				.join('\n')
}

// Which position is chosen; what heads and neurons do there is asked of the worker.
async function select(at) {
	const n = count(view.trace)
	view.at = Math.max(0, Math.min(n - 1, at))
	const asked = view.at,
		{ trace } = view
	const place = await maker.call('position', asked)
	// A later choice, text or program has its own answer; one that is made anew has none yet.
	if (asked !== view.at || trace !== view.trace || !place.awake) return
	view.place = place
	paint()
}

function paint() {
	const begun = performance.now(),
		{ trace, at } = view,
		n = count(trace)
	$('at').max = n - 1
	$('at').value = at
	const next = at + 1 < n ? tokenAt(trace, at + 1) : trace.done ? 'the end' : ''
	const here = trace.inputs ? trace.inputs[at]?.join(' ') : tokenAt(trace, at)
	$('where').textContent =
		`position ${at}: ` +
		`“${here}”` +
		(view.model.emits && at >= trace.nprompt - 1 && next ? ` → ${next}` : '')
	$('at').setAttribute('aria-valuetext', $('where').textContent)
	draw($('picture'), view)
	showColumn()
	sliders()
	took.paint = performance.now() - begun
	explain(view.locked)
}

// The chosen column is in view, and a row of a walk.
function showColumn() {
	const box = $('picture'),
		here = box.querySelector('.text .cell.at'),
		label = innerWidth > 800 ? box.querySelector('.label').offsetWidth : 0
	if (!here) return
	const left = here.offsetLeft - label,
		right = here.offsetLeft + here.offsetWidth - box.clientWidth
	if (box.scrollLeft > left || box.scrollLeft < right + 12)
		box.scrollLeft = Math.min(left, Math.max(right + 2 * here.offsetWidth, 0))
}

function showRow(id) {
	const box = $('picture'),
		row = box.querySelector(`[data-id="${CSS.escape(id ?? '')}"]`)
	if (row) box.scrollTop = row.offsetTop - box.clientHeight / 2
}

// ---- sliders ----

let moving = null // a run that is under way: the last of what is moved meanwhile follows it
async function moveNumber(input, text) {
	const numbers = numberRows($('prompt').value)
	numbers[view.at][input] = text
	$('prompt').value = numbers.map(row => row.join(' ')).join('; ')
	if (moving) return (moving.again = true)
	moving = {}
	do {
		moving.again = false
		wanted.at = view.at
		await run()
	} while (moving.again)
	moving = null
}

function moveConstant(name, text) {
	const constant = constants(ed.text()).find(c => c.name === name)
	if (constant) ed.replace(constant.at, constant.length, text)
}

function sliders() {
	showSliders($('sliders'), {
		inputs: view.model.inputs,
		row: view.trace.inputs?.[view.at] ?? [],
		text: ed.text(),
		setNumber: moveNumber,
		setConstant: moveConstant,
	})
}

// ---- reasons ----

let told = 0
async function explain(id) {
	const row = view.rows.find(r => r.id === id),
		mine = ++told
	const parts =
		row && view.trace
			? await why(view, row, named => maker.call('explain', named))
			: legend()
	if (mine !== told) return
	$('why').replaceChildren(...parts)
	$('why').classList.toggle('legend', !row)
}

// Of an editor that shows the page in a panel.
const editorApi = globalThis.acquireVsCodeApi?.()
function tellHost(message) {
	if (editorApi) editorApi.postMessage(message)
	else if (window.parent !== window) window.parent.postMessage(message, '*')
}

function point(row, scroll) {
	const [from, to] = row?.lines?.[0] ?? [0, 0]
	ed.point(from, to, scroll && innerWidth > 800)
	tellHost({ tw: 'point', from, to })
}

const rowOf = target => view.rows.find(r => r.id === target.closest?.('[data-id]')?.dataset.id)

function lock(row) {
	view.locked = row && view.locked !== row.id ? row.id : null
	point(view.locked ? row : null, true)
	const focus = document.activeElement?.closest?.('[data-id]')?.dataset.id
	paint()
	if (focus)
		$('picture')
			.querySelector(`[data-id="${CSS.escape(focus)}"] .what`)
			?.focus({ preventScroll: true })
}

$('picture').addEventListener('scroll', () => drawInView($('picture')), { passive: true })

let over = null
$('picture').addEventListener('mouseover', e => {
	const row = rowOf(e.target)
	if (row === over) return
	over = row
	if (!view.locked) {
		point(row)
		explain(row?.id)
	}
})
$('picture').addEventListener('mouseleave', () => {
	over = null
	if (!view.locked) {
		point(null)
		explain(null)
	}
})
$('picture').addEventListener('click', e => {
	const cell = e.target.closest('[data-at]'),
		row = rowOf(e.target)
	if (cell && cell.dataset.at >= 0) select(Number(cell.dataset.at))
	else if (row) lock(row)
})
// A name in the reasons leads to its row.
$('why').addEventListener('click', e => {
	const { to } = e.target.dataset
	if (!to) return
	lock(view.rows.find(r => r.id === to && r.id !== view.locked))
	showRow(to)
	$('picture').querySelector(`[data-id="${CSS.escape(to)}"] .what`)?.focus()
})
$('picture').addEventListener('focusin', e => {
	const row = rowOf(e.target)
	if (row && !view.locked) {
		point(row)
		explain(row.id)
	}
})

// ---- stepping ----

const step = by => view.trace && select(view.at + by)
let playing
function play() {
	clearInterval(playing)
	playing = playing
		? null
		: setInterval(() => (view.at + 1 < count(view.trace) ? step(1) : play()), 900)
	$('play').textContent = playing ? '❚❚' : '▷▷'
	$('play').setAttribute('aria-label', playing ? 'Pause' : 'Play')
}
$('play').onclick = () => {
	if (!playing && view.at + 1 >= count(view.trace))
		select(Math.max(0, view.trace.nprompt - 1))
	play()
}
$('first').onclick = () => select(0)
$('back').onclick = () => step(-1)
$('next').onclick = () => step(1)
$('at').oninput = e => select(Number(e.target.value))
$('picture').onkeydown = e => {
	const buttons = [...$('picture').querySelectorAll('.what')],
		now = buttons.indexOf(document.activeElement)
	const go = {
		ArrowLeft: () => step(-1),
		ArrowRight: () => step(1),
		ArrowDown: () => buttons[Math.min(now + 1, buttons.length - 1)]?.focus(),
		ArrowUp: () => buttons[Math.max(now - 1, 0)]?.focus(),
	}[e.key]
	if (!go) return
	e.preventDefault()
	const id = document.activeElement.closest('[data-id]')?.dataset.id
	Promise.resolve(go()).then(() => {
		if (/Left|Right/.test(e.key) && id)
			$('picture')
				.querySelector(`[data-id="${CSS.escape(id)}"] .what`)
				?.focus({ preventScroll: true })
	})
}
document.addEventListener('keydown', e => {
	if (e.key === 'Escape' && view.locked && !document.querySelector('dialog[open]'))
		lock(null)
})
$('ask').onsubmit = e => {
	e.preventDefault()
	run()
}
$('prompt').oninput = () => run()

// ---- tests ----

$('run-tests').onclick = async () => {
	$('tested').textContent = 'running …'
	try {
		const { output, status } = await maker.within(
			patience,
			`stopped: they take more than ${patience} seconds`,
			'test',
			'program.tw',
			ed.text(),
			0,
		)
		const lines = output.trim().split('\n')
		$('tested').textContent =
			lines[lines.length - 1] +
			(lines.length > 1
				? ` — ${lines[0].replace(/^program\.tw:/, 'line ')}`
				: '')
		$('tested').className = status ? 'bad' : 'good'
	} catch (e) {
		$('tested').textContent = e.message
		await make()
	}
}

// ---- programs, links, files ----

async function open(program, prompt, at) {
	wanted = { prompt: prompt ?? null, at }
	if (prompt === undefined) $('prompt').value = ''
	wanted.prompt = prompt
	view.locked = null
	ran = null
	ed.set(program)
	clearTimeout(timer)
	await make()
}

function copied(button, words) {
	const was = button.textContent
	button.textContent = words
	setTimeout(() => (button.textContent = was), 1500)
}

async function copy(button, words) {
	try {
		await navigator.clipboard.writeText(words)
		copied(button, 'Copied')
	} catch {
		copied(button, 'In the address')
	}
}

$('share').onclick = async () => {
	const address = await linkTo(shown())
	history.replaceState(null, '', address)
	await copy($('share'), address)
}
$('embed').onclick = async () => {
	const address = await linkTo({ ...shown(), embed: true })
	await copy(
		$('embed'),
		`<iframe src="${address}" width="100%" height="560" style="border:1px solid ` +
			`#ccc"></iframe>`,
	)
}

function save(name, data) {
	const a = element('a', { href: URL.createObjectURL(new Blob([data])), download: name })
	a.click()
	setTimeout(() => URL.revokeObjectURL(a.href), 10000)
}
$('save').onclick = async e => {
	const { kind } = e.target.dataset
	if (!kind) return
	$('save').open = false
	const name = view.model?.report.name || 'program'
	if (kind === 'tw') return save(`${name}.tw`, ed.text())
	if (!view.model) return
	try {
		save(`${name}.${kind}`, await maker.call('file', kind))
	} catch (e) {
		return say(e.message)
	}
	if (kind === 'safetensors') save('config.json', await maker.call('file', 'config'))
}
$('gallery-open').onclick = () =>
	openGallery($('gallery'), programs, name => open(programs[name]))
$('learn-open').onclick = () => openTutorial($('learn'), open)

// ---- guided walks ----

for (const walk of walks) $('walk').append(new Option(walk.title, walk.id))
const walkTo = guide($('guide'), {
	view,
	open,
	select,
	example: name => programs[name],
	lock(id) {
		view.locked = id
		const row = view.rows.find(r => r.id === id)
		point(row, true)
		paint()
		showRow(id)
	},
	end: () => ($('walk').value = ''),
})
$('walk').onchange = e => walkTo(e.target.value, 0)

// ---- in a panel of an editor (lang/editors/vscode) or another page ----
//
// It sends the program as it is written, {tw: 'program', text, files: [[path, text]]}, and the line
// of its cursor, {tw: 'line', line}; it is told {tw: 'ready'}, and which lines are pointed at.

async function take(text, files) {
	document.body.classList.add('embed')
	const changed = files.filter(
		([path, text]) => own.find(file => file[0] === path)?.[1] !== text,
	)
	for (const file of changed) {
		own.splice(0, own.length, ...own.filter(f => f[0] !== file[0]), file)
		words.put(...file)
		maker.put(...file)
	}
	if (text !== ed.text()) ed.set(text)
	else if (changed.length) await make()
}

window.addEventListener('message', ({ data }) => {
	if (data?.tw === 'program' && typeof data.text === 'string')
		take(data.text, Array.isArray(data.files) ? data.files : [])
	else if (data?.tw === 'line') light($('picture'), view.rows, Number(data.line))
})

await make()
if (link.broken) say('the link is damaged: this is another program')
if (link.walk) {
	$('walk').value = link.walk
	await walkTo(link.walk, Number(link.step ?? 0))
}
took.all = performance.now() - begun
window.tw = {
	took,
	view,
	ed,
	maker,
	words,
	programs,
	open,
	run,
	select,
	make,
	walks,
	walkTo,
	linkTo,
}
document.body.dataset.ready = ''
tellHost({ tw: 'ready' })
