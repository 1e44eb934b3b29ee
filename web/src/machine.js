// A C program inside a transformer: the model of machine/wasm32.tw, compiled here, goes on with
// the prompt that a .wasm file becomes. It runs, or makes one step, whose picture has the positions
// that its heads look at as columns.
import './style.css'
import './machine.css'
import modulePacked from 'virtual:module'
import machine from 'virtual:machine'
import { client } from './client.js'
import { draw, element } from './draw.js'
import { describe, picture } from './picture.js'
import { colours } from './theme.js'
import { unpackModule } from './unpack.js'
import { legend, why } from './why.js'

const $ = id => document.getElementById(id)
const say = message => ($('status').textContent = message)
const machineFile = 'wasm32.tw'
const wide = 132 // pixels of a column

colours($('theme'))
say('compiling the machine into a transformer …')
const worker = client(await WebAssembly.compile(unpackModule(modulePacked)))
await worker.ready
for (const [path, text] of Object.entries(machine.files)) worker.put(path, text)

const view = { model: null, rows: [], trace: null, at: 0, place: null, locked: null, wide }
let rows = [], // all of them
	code = new Map(), // pc: its element
	running = false,
	over = false, // the program has ended
	spent = 0, // seconds of running,
	made = 0, // and the steps in them
	opened = 0

// ---- programs ----

const bytesOf = packed => Uint8Array.from(atob(packed), c => c.charCodeAt(0))
for (const p of machine.programs) $('program').append(new Option(p.title, p.name))
let chosen = machine.programs[0]

function choose(program) {
	chosen = program
	$('about').textContent = program.about
	$('c').textContent = program.c ?? 'Its source is not in the file.'
	$('input').value = program.input ?? ''
	$('reads').hidden = program.input === undefined
	return begin()
}

// The prompt is written anew.
async function begin() {
	const mine = ++opened
	running = false
	over = false
	spent = made = 0
	$('said').textContent = ''
	$('where').textContent = $('now').textContent = ''
	$('picture').replaceChildren()
	view.trace = null
	const got = await worker.call('machineOpen', chosen.bytes, $('input').value)
	if (mine !== opened) return
	$('run').disabled = $('step').disabled = !!got.error
	$('run').textContent = '▶ Run'
	code = new Map()
	if (got.error) {
		$('code').replaceChildren()
		return say(`this program cannot be run: ${got.error}`)
	}
	let last = ''
	$('code').replaceChildren(
		...got.code.map(({ pc, text, of }) => {
			const e = element(
				'li',
				{},
				element('span', { className: 'pc', textContent: pc }),
				element('span', { textContent: text }),
				element('span', {
					className: 'of',
					textContent: of === last ? '' : of || 'the machine’s own',
				}),
			)
			last = of
			code.set(pc, e)
			return e
		}),
	)
	say(`${describe(view.model.report)} · ${got.code.length} instructions of code`)
	explain(null)
	await step()
}

// ---- going on ----

function progress(got) {
	const at = code.get(got.at)
	for (const e of $('code').querySelectorAll('.now')) e.classList.remove('now')
	at?.classList.add('now')
	if (at) {
		const box = $('code')
		box.scrollTop = at.offsetTop - box.offsetTop - box.clientHeight / 2
	}
	$('now').textContent = at?.children[1].textContent ?? ''
	$('said').textContent += got.said
	$('said').scrollTop = 1e6
	const spelled = n => Math.round(n).toLocaleString('en'),
		speed = made > 500 ? ` · ${spelled(made / spent)} a second` : ''
	$('where').textContent = `${spelled(got.steps)} instructions${speed}`
	over = got.error !== undefined || got.trap !== undefined || got.status !== undefined
	if (!over) return
	running = false
	$('run').textContent = '▶ Run'
	$('run').disabled = $('step').disabled = true
	const end = got.trap === undefined ? `ended, status ${got.status}` : `trap: ${got.trap}`
	if (got.error) say(got.error)
	else $('where').textContent += ` · ${end}`
}

// A tenth of a second at a time, so that one can stop it.
async function run() {
	const mine = opened
	let some = 500
	while (running && mine === opened) {
		const before = performance.now(),
			got = await worker.call('machineRun', some),
			took = (performance.now() - before) / 1000
		if (mine !== opened) return
		made += got.steps - (run.steps ?? got.steps)
		spent += run.steps === undefined ? 0 : took
		run.steps = got.steps
		some = Math.max(100, Math.min(20000, Math.round((0.1 * some) / took)))
		progress(got)
	}
	run.steps = undefined
	if (mine === opened && !over) await step()
}

async function step() {
	const mine = opened,
		got = await worker.call('machineStep')
	if (mine !== opened) return
	progress(got)
	if (got.described) show(got)
}

// ---- the picture ----

const resting = new Set(['false', '0', '-', '', 'none', 'nothing'])

// What this step uses; or all there is.
function used(row) {
	if ($('all').checked) return true
	if (row.kind === 'neurons')
		return row.neurons.some(i => view.place.awake[row.layer].includes(i))
	if (row.kind !== 'value') return true
	return row.of.some(i => {
		const text = view.trace.values[i]?.[view.at]
		return text !== undefined && !resting.has(text)
	})
}

function show(got) {
	const { positions, described } = got,
		n = positions.length,
		column = k => (k < 0 ? k : positions.indexOf(k))
	view.at = n - 2
	view.trace = {
		tokens: described,
		lines: described.map(text => text.split(/: |, | = /)),
		nprompt: n - 1,
		done: false,
		values: got.values,
		meant: [],
		labels: [],
		attention: got.attention.map(heads =>
			heads.map(list => {
				const all = Array.from({ length: n + 1 }, () => [])
				all[view.at + 1] = list
					.map(([k, w]) => [column(k), w])
					.filter(([k]) => k >= -1)
				return all
			}),
		),
	}
	view.place = {
		awake: got.place.awake,
		scores: got.place.scores.map(heads =>
			heads.map(list => [
				list[0],
				...positions.filter(k => k < list.length - 1).map(k => list[k + 1]),
			]),
		),
	}
	view.locked = null
	paint()
}

function paint() {
	if (!view.trace) return
	view.rows = rows.filter(used)
	// a heading that nothing stands below is left out
	view.rows = view.rows.filter(
		(row, i) => row.kind !== 'band' || (view.rows[i + 1] ?? row).kind !== 'band',
	)
	draw($('picture'), view)
	explain(view.locked)
}

let told = 0
async function explain(id) {
	const row = view.trace && view.rows.find(r => r.id === id),
		mine = ++told
	const parts = row
		? await why(view, row, named => worker.call('explain', named))
		: legend()
	if (mine !== told) return
	const [from, to] = row?.lines?.[0] ?? [0, 0]
	if (from)
		parts.push(
			element('pre', {
				textContent: machine.files[machineFile]
					.split('\n')
					.slice(from - 1, Math.min(to, from + 11))
					.join('\n'),
			}),
		)
	$('why').replaceChildren(...parts)
	$('why').classList.toggle('legend', !row)
}

const idOf = target => target.closest?.('[data-id]')?.dataset.id
let hovered = null
$('picture').addEventListener('mouseover', e => {
	if (idOf(e.target) === hovered) return
	hovered = idOf(e.target)
	if (!view.locked) explain(hovered)
})
$('picture').addEventListener('focusin', e => view.locked || explain(idOf(e.target)))
$('picture').addEventListener('click', e => {
	const id = idOf(e.target)
	if (!id) return
	view.locked = view.locked === id ? null : id
	paint()
	$('picture')
		.querySelector(`[data-id="${CSS.escape(id)}"] .what`)
		?.focus({ preventScroll: true })
})
$('why').addEventListener('click', e => {
	const { to } = e.target.dataset
	if (!to) return
	view.locked = to
	paint()
	const button = $('picture').querySelector(`[data-id="${CSS.escape(to)}"] .what`)
	button?.focus()
	button?.scrollIntoView({ block: 'center' })
})
$('picture').onkeydown = e => {
	const buttons = [...$('picture').querySelectorAll('.what')],
		now = buttons.indexOf(document.activeElement)
	if (e.key === 'ArrowDown') buttons[Math.min(now + 1, buttons.length - 1)]?.focus()
	else if (e.key === 'ArrowUp') buttons[Math.max(now - 1, 0)]?.focus()
	else if (e.key === 'ArrowRight' && !over && !running) step()
	else if (e.key === 'Escape' && view.locked) {
		view.locked = null
		paint()
	} else return
	e.preventDefault()
}

// ---- buttons ----

$('run').onclick = () => {
	running = !running
	$('run').textContent = running ? '❚❚ Stop' : '▶ Run'
	$('step').disabled = running
	if (running) run()
}
$('step').onclick = () => step()
$('again').onclick = () => begin()
$('all').onchange = paint
$('input').onchange = () => begin()
$('program').onchange = e => choose(machine.programs.find(p => p.name === e.target.value))
$('own').onchange = async e => {
	const [file] = e.target.files
	if (!file) return
	$('program').selectedIndex = -1
	await choose({
		about: file.name,
		bytes: new Uint8Array(await file.arrayBuffer()),
		input: '',
	})
}
document.querySelector('.file').onkeydown = e => {
	if (e.key === 'Enter' || e.key === ' ') $('own').click()
}

const got = await worker.call('compile', machineFile, machine.files[machineFile])
if (got.model) {
	view.model = got.model
	rows = picture(got.model)
	for (const p of machine.programs) p.bytes = bytesOf(p.wasm)
	const named = machine.programs.find(p => `#${p.name}` === location.hash)
	if (named) $('program').value = named.name
	await choose(named ?? chosen)
} else say(got.failure ?? got.diagnostics[0]?.message ?? 'the machine does not compile')
window.tw = { view, worker, machine, step, begin }
document.body.dataset.ready = ''
