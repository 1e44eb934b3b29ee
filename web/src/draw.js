// The picture: text runs across, depth runs down. One position is chosen: what it sees is strong,
// what is not yet written is pale. Of a long text only what is in view is drawn, and a bit beside;
// scrolling draws the rest.
import { count, fields, looks, spelled, tokenAt, valueAt } from './picture.js'

const svgNamespace = 'http://www.w3.org/2000/svg'

export function element(tag, properties = {}, ...children) {
	const e = document.createElement(tag)
	for (const [name, value] of Object.entries(properties))
		if (name.includes('-') || name === 'role') e.setAttribute(name, value)
		else if (name === 'data') Object.assign(e.dataset, value)
		else e[name] = value
	e.append(...children.filter(c => c !== null && c !== undefined && c !== ''))
	return e
}

function shape(tag, attributes, ...children) {
	const e = document.createElementNS(svgNamespace, tag)
	for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value)
	e.append(...children)
	return e
}

const tall = 34 // of a head's arcs
const dot = 6,
	gap = 3,
	most = 900, // of neurons; more are a bar
	long = 60, // positions; of more, those that are in view
	beside = 12, // positions, and
	below = 500 // pixels beyond what is in view
const high = { band: 31, head: tall, value: 25, neurons: 40, output: 25, scores: 25 } // about

// The longest of what stands in a cell.
function longestText(view, n) {
	const { rows, trace } = view
	let longest = 2
	for (let i = 0; i < n; i++) {
		const record = fields(trace.tokens[i] ?? '')
		for (const text of record
			? record.map(f => f[1])
			: [spelled(trace.tokens[i] ?? '')])
			longest = Math.max(longest, text.length)
	}
	for (const row of rows)
		if (row.kind === 'value')
			for (let i = 0; i < n; i++)
				longest = Math.max(
					longest,
					Math.min(n > 8 ? 7 : 12, valueAt(trace, row, i).length),
				)
	for (const row of trace.inputs ?? [])
		for (const x of row) longest = Math.max(longest, x.length)
	return longest
}

// Widths: a column is as wide as what most cells need.
function measure(view, n) {
	const { rows, trace } = view
	if (view.wide) return view.wide
	let longest = (trace.longest ??= longestText(view, n))
	const locked = rows.find(r => r.kind === 'head' && r.id === view.locked)
	for (const h of locked?.heads ?? [])
		for (const x of view.place?.scores[locked.layer]?.[h] ?? [])
			longest = Math.max(longest, 0.9 * String(Math.round(x)).length)
	return Math.round(Math.max(n > 60 ? 20 : 34, Math.min(116, longest * 7.6 + 12)))
}

function arcPath(to, from, wide) {
	const x = (to + 1.5) * wide,
		y = (from + 1.5) * wide,
		floor = tall - 4
	if (to === from) return `M${x - 4} ${floor}C${x - 13} 4 ${x + 13} 4 ${x + 4} ${floor}`
	const high = floor - Math.min(floor - 3, 9 + Math.abs(x - y) / 7)
	return `M${x} ${floor}C${x} ${high} ${y} ${high} ${y} ${floor}`
}

function arcs(row, view, { n, wide, from, to }) {
	const pic = shape('svg', {
		class: 'arcs',
		width: (n + 1) * wide,
		height: tall,
		'aria-hidden': 'true',
	})
	const { trace, at } = view
	let faint = ''
	for (const h of row.heads)
		for (let q = Math.max(from, 0); q < to; q++)
			if (q !== at)
				for (const [k, w] of looks(trace, row.layer, h, q))
					if (w > 0.3 && k >= 0) faint += arcPath(q, k, wide)
	pic.append(shape('path', { d: faint, class: 'faint' }))
	for (const h of row.heads)
		for (const [k, w] of looks(trace, row.layer, h, at)) {
			const strong = Math.max(0.12, w)
			pic.append(
				shape('path', {
					d: arcPath(at, k, wide),
					class: k < 0 ? 'look none' : 'look',
					style: `opacity:${k < 0 ? 0.5 * strong : strong}`,
				}),
			)
			pic.append(
				shape('circle', {
					cx: (k + 1.5) * wide,
					cy: tall - 4,
					r: k < 0 ? 2 : 2 + 2.5 * w,
					class: 'seen',
					style: `opacity:${k < 0 ? 0.5 * strong : strong}`,
				}),
			)
		}
	return pic
}

const block = (i, across) =>
	`M${(i % across) * (dot + gap)} ` +
	`${Math.floor(i / across) * (dot + gap)}h${dot}v${dot}h-${dot}z`

// A square for each neuron, filled where it is awake at the chosen position.
function squares(row, view, width) {
	const awake = view.place ? new Set(view.place.awake[row.layer]) : new Set()
	const on = row.neurons.filter(i => awake.has(i)).length
	const box = element('div', { className: 'squares' })
	if (row.neurons.length <= most) {
		const across = Math.max(8, Math.floor(Math.min(width, 560) / (dot + gap)))
		let filled = '',
			empty = ''
		row.neurons.forEach((n, i) =>
			awake.has(n) ? (filled += block(i, across)) : (empty += block(i, across)),
		)
		const high = Math.ceil(row.neurons.length / across) * (dot + gap)
		box.append(
			shape(
				'svg',
				{
					width: Math.min(row.neurons.length, across) * (dot + gap),
					height: high,
					'aria-hidden': 'true',
				},
				shape('path', { d: empty, class: 'asleep' }),
				shape('path', { d: filled, class: 'awake' }),
			),
		)
	} else {
		const bar = element(
			'span',
			{ className: 'bar' },
			element('span', { className: 'awake' }),
		)
		bar.firstChild.style.width = `${(100 * on) / row.neurons.length}%`
		box.append(bar)
	}
	box.append(
		element('small', {
			textContent: view.place
				? `${on} of ${row.neurons.length} awake`
				: `${row.neurons.length}`,
		}),
	)
	return box
}

function spokenHead(row, view) {
	const seen = row.heads
		.flatMap(h => looks(view.trace, row.layer, h, view.at))
		.filter(([, w]) => w >= 0.01)
		.map(
			([k, w]) =>
				`${tokenAt(view.trace, k)} at position ${k}, ` +
				`${Math.round(100 * w)} %`,
		)
	return (
		`: a head of layer ${row.layer}. At position ${view.at} it looks at ` +
		`${seen.slice(0, 6).join('; ') || 'nothing'}.` +
		(row.brings.length ? ` It brings ${row.brings.join(', ')}.` : '')
	)
}

// What a screen reader says after the words that are seen.
function spokenLabel(row, view) {
	if (row.kind === 'head') return spokenHead(row, view)
	if (row.kind === 'neurons') {
		const awake = new Set(view.place?.awake[row.layer])
		return (
			`: ${row.neurons.length} neurons of layer ${row.layer}, ` +
			`${row.neurons.filter(i => awake.has(i)).length} of them awake at ` +
			`position ${view.at}.`
		)
	}
	return `: a value, ${valueAt(view.trace, row, view.at)} at position ${view.at}.`
}

// "next.pc": of a record, whose fields stand in rows below each other.
function nameOf(row) {
	const at = row.name.lastIndexOf('.') + 1
	return element(
		'b',
		{},
		at ? element('span', { textContent: row.name.slice(0, at) }) : '',
		row.name.slice(at),
	)
}

// What stands to the left of a row: a button, which locks it.
function label(row, view) {
	const parts = []
	if (row.kind === 'head') {
		parts.push(
			element('span', {
				className: 'sign',
				textContent: '◉',
				'aria-hidden': 'true',
			}),
		)
		const words = element('span', { className: 'words' })
		if (row.named) words.append(element('b', { textContent: row.named }), ' ')
		words.append(element('code', { textContent: row.text, title: row.text }))
		parts.push(words)
		if (row.brings.length)
			parts.push(
				element('span', {
					className: 'brings',
					textContent: `→ ${row.brings.join(', ')}`,
					title: `brings ${row.brings.join(', ')}`,
				}),
			)
	} else if (row.kind === 'neurons') {
		parts.push(
			element('span', {
				className: 'sign',
				textContent: '∿',
				'aria-hidden': 'true',
			}),
		)
		parts.push(
			element(
				'span',
				{ className: 'words' },
				element('i', { textContent: `${row.verb} ` }),
				element('code', { textContent: row.text, title: row.whole }),
			),
		)
		if (row.name)
			parts.push(
				element('span', {
					className: 'brings',
					textContent: `→ ${row.name}`,
				}),
			)
	} else {
		parts.push(
			element('span', {
				className: 'sign',
				textContent: row.position ? '↩' : '▢',
				'aria-hidden': 'true',
			}),
		)
		parts.push(
			element(
				'span',
				{ className: 'words' },
				nameOf(row),
				row.of.length > 1
					? element('small', {
							textContent: ` ${row.of.length} numbers`,
						})
					: '',
			),
		)
	}
	return element(
		'button',
		{
			type: 'button',
			className: 'what',
			'aria-pressed': String(view.locked === row.id),
		},
		...parts,
		element('span', { className: 'sr', textContent: spokenLabel(row, view) }),
	)
}

const cellClass = (view, i, more) =>
	`cell ${more}${i === view.at ? ' at' : ''}${i > view.at ? ' later' : ''}`

function cell(view, i, text, more = '') {
	return element('span', {
		className: cellClass(view, i, more),
		textContent: text,
		data: { at: i },
		title: text.length > 9 ? text : '',
	})
}

// A token; of a record, its fields one below the other.
function token(view, i) {
	const { trace } = view,
		made = i >= trace.nprompt ? 'made' : 'given'
	if (i < 0)
		return element('span', {
			className: cellClass(view, i, 'bos'),
			textContent: '◦',
			title: '<bos>, which stands before every text',
			data: { at: i },
		})
	const list = (trace.inputs ?? trace.lines)?.[i]?.map(x => [, x]) ?? fields(trace.tokens[i])
	if (!list) return cell(view, i, spelled(trace.tokens[i] ?? ''), `token ${made}`)
	const e = element('span', {
		className: cellClass(view, i, `token record ${made}`),
		data: { at: i },
	})
	for (const [, value] of list) e.append(element('span', { textContent: value }))
	return e
}

function tokenNames(view) {
	const { trace, model } = view
	if (model.inputs.length) return model.inputs.map(i => i.name)
	return fields(trace.tokens[0] ?? '')?.map(f => f[0])
}

// What stands right of a label: those of positions from .. to, -1 among them, in their places.
function cells(from, list) {
	const e = element('div', { className: 'cells' }, ...list)
	if (from > 0) e.style.paddingLeft = `calc(${from + 1} * var(--wide))`
	return e
}

const positions = ({ from, to }) => {
	const first = from > 0 ? from : -1
	return Array.from({ length: to - first }, (_, i) => first + i)
}

function textRow(view, part) {
	const names = tokenNames(view),
		e = element('div', { className: 'row text' })
	const title = element('span', { className: 'title' })
	if (names) title.append(...names.map(name => element('span', { textContent: name })))
	else title.append('text')
	e.append(
		element('div', { className: names ? 'label names' : 'label' }, title),
		cells(
			part.from,
			positions(part).map(i => token(view, i)),
		),
	)
	return e
}

const blank = (view, i) => element('span', { className: cellClass(view, i, '') })

function valueCells(row, view, part) {
	let before = part.from > 0 ? valueAt(view.trace, row, part.from - 1) : null
	return cells(
		part.from,
		positions(part).map(i => {
			if (i < 0) return blank(view, i)
			const text = valueAt(view.trace, row, i),
				kind = row.state === null ? 'meant' : 'value',
				same = text === before ? ' same' : ''
			before = text
			return cell(view, i, text, kind + same)
		}),
	)
}

// A row with a title and a cell for each position.
function titled(kind, title, part, cellOf) {
	return element(
		'div',
		{ className: `row ${kind}` },
		element(
			'div',
			{ className: 'label' },
			element('span', { className: 'title', textContent: title }),
		),
		cells(part.from, positions(part).map(cellOf)),
	)
}

// The scores that a head gives, seen from the chosen position: whole numbers, the winner ahead.
function scoreRows(row, view, part) {
	return row.heads.map((h, i) => {
		const scores = view.place?.scores[row.layer]?.[h] ?? [],
			best = Math.max(...scores)
		const what = row.offsets ? `scores, ${Math.abs(row.offsets[i])} back` : 'scores'
		return titled('scores', what, part, k => {
			const score = scores[k + 1]
			return cell(
				view,
				k,
				score === undefined ? '' : String(Math.round(score)),
				score === best ? 'won' : '',
			)
		})
	})
}

// What is said next at a position.
function saidNext({ trace }, n, i) {
	if (i < trace.nprompt - 1) return ''
	if (i + 1 < n) return spelled(trace.tokens[i + 1])
	return trace.done ? 'end' : ''
}

function outputRows(view, part) {
	const { trace, model } = view,
		rows = []
	if (model.emits)
		rows.push(
			titled('output', 'says next', part, i => {
				const next = saidNext(view, part.n, i)
				return i < 0
					? blank(view, i)
					: cell(view, i, next, `made ${next === 'end' ? 'end' : ''}`)
			}),
		)
	for (const l of trace.labels)
		rows.push(
			titled('output', l.name, part, i =>
				i < 0 ? blank(view, i) : cell(view, i, l.values[i] ?? '', 'made'),
			),
		)
	return rows
}

function band(row) {
	return element(
		'h2',
		{ className: `row band ${row.half ?? ''}` },
		element(
			'span',
			{ className: 'in' },
			element('b', { textContent: row.title }),
			row.half
				? element('span', { className: 'half', textContent: row.half })
				: '',
			element('small', { textContent: row.note }),
		),
	)
}

// Which positions are drawn: from..to. The chosen one is among them, since it is brought into view.
function windowOf(root, at, n, wide) {
	if (n <= long) return { n, wide, from: -1, to: n }
	const across = Math.ceil((root.clientWidth || 1200) / wide)
	let from = Math.floor(root.scrollLeft / wide) - beside
	if (at < from + beside || at >= from + beside + across) from = at - across - beside
	return {
		n,
		wide,
		from: Math.max(-1, Math.min(from, n - across - 2 * beside)),
		to: Math.min(n, Math.max(from, -1) + across + 2 * beside),
	}
}

// What a row has beside its label.
function contents(row, view, part) {
	if (row.kind === 'head') return arcs(row, view, part)
	if (row.kind === 'neurons')
		return squares(row, view, Math.max(260, (part.n + 1) * part.wide))
	return valueCells(row, view, part)
}

// Rows whose contents are drawn when they come into view: {e, row, top, part}
const drawn = new WeakMap()

function fill(entry, view, part) {
	if (entry.part === part) return
	entry.part = part
	entry.e.replaceChildren(entry.e.firstChild, contents(entry.row, view, part))
}

// After scrolling.
export function drawInView(root) {
	const state = drawn.get(root)
	if (!state || state.part.n <= long) return
	const { view, entries } = state,
		top = root.scrollTop - below,
		bottom = root.scrollTop + root.clientHeight + below
	const left = root.scrollLeft / state.part.wide,
		right = (root.scrollLeft + root.clientWidth) / state.part.wide
	const { from, to, n } = state.part
	if ((from >= 0 && left < from) || (to < n && right > to + 1))
		return draw(root, view, true)
	// Where they stand is asked of all first: after a change the page is laid out anew.
	const near = entries.filter(({ e }) => {
		const at = e.offsetTop
		return at < bottom && at + e.offsetHeight > top
	})
	for (const entry of near) fill(entry, view, state.part)
}

// view: {model, rows, trace, at, place, locked, wide}, the last only where the width of a column is
// fixed. Where it was scrolled, the chosen position need not be in view.
export function draw(root, view, scrolled = false) {
	const { trace, rows } = view
	const n = count(trace),
		wide = measure(view, n),
		at = scrolled ? Math.round(root.scrollLeft / wide) : view.at,
		part = windowOf(root, at, n, wide)
	const entries = [],
		over = n > long ? root.scrollTop - below : 0,
		bottom = n > long ? root.scrollTop + (root.clientHeight || 900) + below : Infinity
	let down = 40
	const grid = element('div', { className: `grid${n > 60 ? ' long' : ''}` })
	grid.style.setProperty('--cols', n + 1)
	grid.style.setProperty('--wide', `${wide}px`)
	grid.style.setProperty('--at', view.at + 1)
	const chain = rows.filter(r => r.chain),
		first = rows.indexOf(chain[0]),
		last = rows.indexOf(chain[chain.length - 1])
	grid.append(textRow(view, part))
	rows.forEach((row, i) => {
		const thread = i >= first && i <= last && chain.length > 1
		const add = e => {
			if (thread) e.classList.add('thread')
			grid.append(e)
		}
		down += high[row.kind]
		if (row.kind === 'band') return add(band(row))
		if (row.kind === 'output') return outputRows(view, part).forEach(add)
		const e = element('div', {
			className: [
				'row',
				row.kind,
				row.chain && 'chain',
				view.locked === row.id && 'locked',
			]
				.filter(Boolean)
				.join(' '),
			data: { id: row.id },
		})
		e.append(element('div', { className: 'label' }, label(row, view)))
		const entry = { e, row }
		entries.push(entry)
		const near = down > over && down < bottom
		if (near || row.kind === 'neurons') fill(entry, view, part)
		else e.style.minHeight = `${high[row.kind]}px`
		add(e)
		if (row.kind === 'head' && view.locked === row.id)
			scoreRows(row, view, part).forEach(add)
	})
	const scroll = [root.scrollLeft, root.scrollTop]
	root.replaceChildren(grid)
	root.scrollLeft = scroll[0]
	root.scrollTop = scroll[1]
	drawn.set(root, { view, entries, part })
	if (n > long) requestAnimationFrame(() => drawInView(root)) // heights were guessed
}

// Rows that a line of the program makes are lit; none where line is 0.
export function light(root, rows, line) {
	for (const row of rows) {
		const e = row.lines
			? root.querySelector(`[data-id="${CSS.escape(row.id)}"]`)
			: null
		e?.classList.toggle(
			'lit',
			line > 0 && row.lines.some(([from, to]) => from <= line && line <= to),
		)
	}
}
