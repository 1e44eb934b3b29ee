// In words: why a row of the picture is there, and what it does at the chosen position.
import { element } from './draw.js'
import { base, looks, many, rowOfLink, tokenAt, valueAt } from './picture.js'

const code = text => element('code', { textContent: text })
const line = (...parts) => element('p', {}, ...parts)
const quote = text => `‘${text}’`

function where(view, at) {
	return at < 0
		? '<bos>, which stands before every text'
		: `${quote(tokenAt(view.trace, at))} at position ${at}`
}

function chainNote(row) {
	return row.chain
		? line(
				element('b', { className: 'red', textContent: '● ' }),
				'On the longest chain of steps: without this one the model ' +
					'would be less deep.',
			)
		: null
}

function scoreNote(view, row, head) {
	const scores = view.place?.scores[row.layer]?.[head]
	if (!scores || scores.length < 2 || !row.gap) return null
	const sorted = [...scores].sort((a, b) => b - a),
		ahead = Math.round(sorted[0] - sorted[1])
	return line(
		`The best score is ${Math.round(sorted[0])}, the next ${Math.round(sorted[1])}: `,
		element('b', { textContent: `${ahead} ahead` }),
		`. In float32, exp(−104) is 0 beside 1, so from 104 on the softmax is exactly ` +
			`one-hot. The compiler has proved ${row.gap} for every text.`,
	)
}

function head(view, row) {
	const list = []
	const how = row.offsets
		? 'looks a fixed number of positions back, wherever it stands'
		: row.intent === 'count' || row.intent === 'mean'
			? 'weighs all positions that fit alike, and so counts or averages them'
			: 'asks a condition of every position, and attends to the one that fits'
	list.push(
		line(
			element('b', { textContent: `Attention of layer ${row.layer}. ` }),
			`This head ${how}: `,
			code(row.text),
			row.library ? [' — in the library: ', row.library].join('') : '',
		),
	)
	for (const h of row.heads) {
		const seen = looks(view.trace, row.layer, h, view.at).filter(([, w]) => w >= 0.01)
		const told = seen
			.slice(0, 5)
			.map(([k, w]) => `${where(view, k)} (${Math.round(100 * w)} %)`)
			.join(', ')
		list.push(
			line(
				`From position ${view.at} it looks at ` +
					told +
					(seen.length > 5
						? ` and ${seen.length - 5} more.`
						: '.') +
					(seen.length === 1 && seen[0][0] < 0
						? ' That means: there is none.'
						: ''),
			),
		)
	}
	if (row.heads.length === 1) list.push(scoreNote(view, row, row.heads[0]))
	if (row.brings.length)
		list.push(
			line(
				'It brings what is needed for ',
				...row.brings.flatMap((b, i) => [
					i ? ', ' : '',
					way(view, b, valueRow(view, b)),
				]),
				'.',
			),
		)
	return list
}

function neurons(view, row) {
	const awake = new Set(view.place?.awake[row.layer]),
		on = row.neurons.filter(i => awake.has(i)).length
	const list = [
		line(
			element('b', { textContent: `Neurons of layer ${row.layer}. ` }),
			`${many(row.neurons.length, 'neuron')} that ${row.verb}: `,
			code(row.text || 'what is emitted'),
		),
	]
	if (row.library) list.push(line('What they are, in the library: ', code(row.library)))
	list.push(
		line(
			`A neuron is max(0, sum): awake where the sum is above 0. At position ` +
				`${view.at}, ${on} of them are awake. Together they make a ` +
				`broken line ` +
				`or a table, exact on every whole number that can occur.`,
		),
	)
	return list
}

// "x[3] + 2 · x[5] - 1"
function columns(named) {
	const terms = named.columns.map((c, i) => {
		const times = named.weights[i]
		return times === 1 ? `x[${c}]` : `${times} · x[${c}]`
	})
	if (named.bias || !terms.length) terms.push(String(named.bias))
	return terms.join(' + ').replace(/\+ -/g, '− ')
}

const stateName = s =>
	s === 0
		? 'the embedding'
		: `the ${s % 2 ? 'attention' : 'neurons'} of layer ${(s - 1) >> 1}`

function encoding(row, named) {
	if (row.position)
		return (
			'It is a position that heads look for: it exists as where they ' +
			'look, not as a number.'
		)
	if (row.state === null)
		return (
			'It never stands in the stream as a whole: a sum costs nothing ' +
			'where it is read, so its parts are in the weights of whoever reads it.'
		)
	const from = stateName(row.state)
	return `It stands whole from ${from} on, as ${columns(named)} of the stream.`
}

// The name of a row, which leads there (data-to).
function way(view, text, row) {
	return row && view.rows.includes(row)
		? element('button', {
				type: 'button',
				className: 'way',
				textContent: text,
				data: { to: row.id },
			})
		: code(text)
}

const valueRow = (view, name) => view.rows.find(r => r.kind === 'value' && r.name === name)

// What it is made of: the edges of the program's graph that end here.
function cost(view, told) {
	const names = [...new Set(told.made_of.map(base))]
	const some = names
		.slice(0, 8)
		.flatMap((n, i) => [i ? ', ' : '', way(view, n, valueRow(view, n))])
	return line(
		`It takes ${many(told.heads, 'head')} and ${many(told.neurons, 'neuron')}`,
		...(names.length ? [', and is made of ', ...some] : []),
		names.length > 8 ? ' and others.' : '.',
		told.made_as ? ` Made as ${told.made_as.name}: ${told.made_as.doc}.` : '',
	)
}

function chainStep(view, step) {
	const what = step.what.replace(/^(mlp|attention)\s+/, (all, half) => `${half}: `)
	const place =
		step.file === 'program.tw' ? `line ${step.line}` : `${step.file}:${step.line}`
	const at = step.line ? ` (${place})` : ''
	const row = rowOfLink(view.rows, step)
	return element('li', {}, `layer ${step.layer}, `, way(view, what, row), at)
}

async function value(view, row, explain) {
	const told = await explain(row.of[0])
	const list = [
		line(
			element('b', { textContent: row.name }),
			` is ${quote(valueAt(view.trace, row, view.at))} at position ${view.at}. `,
			encoding(row, view.model.named[row.of[0]]),
		),
		cost(view, told),
	]
	if (told.chain.length)
		list.push(
			line('It cannot be earlier, since it waits for:'),
			element('ol', {}, ...told.chain.map(s => chainStep(view, s))),
		)
	return list
}

// Elements that say why; row may be null.
export async function why(view, row, explain) {
	const list =
		row.kind === 'head'
			? head(view, row)
			: row.kind === 'neurons'
				? neurons(view, row)
				: await value(view, row, explain)
	list.push(chainNote(row))
	return list.filter(Boolean)
}

const sign = (text, name) =>
	element('span', { className: `sign ${name}`, textContent: text, 'aria-hidden': 'true' })

// How to read the picture.
export function legend() {
	const entry = (mark, ...text) => element('li', {}, mark, element('span', {}, ...text))
	return [
		element(
			'ul',
			{ className: 'legend' },
			entry(
				sign('◉', 'head'),
				'a ',
				element('b', { textContent: 'head' }),
				', with the condition that it asks; the arc goes to where it ' +
					'looks. Orange now, pale at other positions.',
			),
			entry(
				sign('∿', 'neurons'),
				'a ',
				element('b', { textContent: 'group of neurons' }),
				', with the expression that they compute; a square each, filled ' +
					'where it is awake.',
			),
			entry(
				sign('▢', 'value'),
				'a ',
				element('b', { textContent: 'value' }),
				' that the program names, where it first stands whole in the ' +
					'residual stream.',
			),
			entry(
				sign('12', 'meant'),
				'in italics: what the program means by a name that never stands ' +
					'whole.',
			),
			entry(
				sign('●', 'red'),
				'the red thread: the longest chain of steps, which makes the ' +
					'model as deep as it is.',
			),
		),
		line(
			'Text runs across, depth runs down. One position is chosen, with ',
			element('kbd', { textContent: '←' }),
			' ',
			element('kbd', { textContent: '→' }),
			'. Click a row and it stays, with its reasons; ',
			element('kbd', { textContent: 'Esc' }),
			' lets go.',
		),
	]
}
