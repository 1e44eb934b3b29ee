// What the picture shows, as rows, from what the compiler says of the model (cmd/json.h) and the
// runtime of a text (cmd/trace_json.h). draw.js makes elements of them; nothing here needs a page.
//
//   band     the embedding, the attention of a layer, its neurons, the output
//   head     what it looks for, and what it brings; heads that look a fixed number back are one row
//   neurons  those that compute one expression
//   value    a named value, where it first stands whole in the stream; or, if it never does,
//            what it means

export const base = name => name.replace(/\[.*$/, '')
const sum = list => list.reduce((a, b) => a + b, 0)
export const many = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`

const verbs = {
	IF: 'choose',
	PICK: 'pick',
	LT: 'compare',
	EQ: 'compare',
	LE: 'compare',
	DIV: 'divide',
	MOD: 'take the remainder',
	SUM: 'count',
	MEAN: 'average',
	MUL: 'multiply',
	AND: 'combine conditions',
	OR: 'combine conditions',
	NOT: 'combine conditions',
	MIN: 'take the least',
	MAX: 'take the greatest',
	TABLE: 'look up',
	RELU: 'rectify',
	FLOOR: 'round down',
	ABS: 'take the size',
}

// Elements of an array stand in one row.
function values(model) {
	const list = []
	model.named.forEach((named, i) => {
		const last = list[list.length - 1]
		const own = named.line && !/^<stdlib>/.test(named.file ?? '')
		if (last && named.name.includes('[') && last.name === base(named.name)) {
			last.of.push(i)
			if (last.state !== null)
				last.state =
					named.state === null
						? null
						: Math.max(last.state, named.state)
			return
		}
		list.push({
			kind: 'value',
			id: `value ${base(named.name)}`,
			name: base(named.name),
			of: [i],
			state: named.state,
			position: named.kind === 'position',
			type: named.kind,
			lines: own ? [[named.line, named.end_line ?? named.line]] : [],
		})
	})
	return list
}

const lines = place => (place?.program ? [[place.program.line, place.program.end_line]] : [])

// In the program's own words; of a `match`, the arms that are meant.
function expression(group) {
	const text = group.program?.text ?? group.text ?? ''
	const parts = (group.parts ?? []).map(p => p.text)
	if (parts.length && (text.length > 40 || / \{ /.test(text))) return parts.join('  ·  ')
	return text
}

function head(h, model, byName) {
	const brings = [...new Set(h.values.map(base).filter(Boolean))]
	const own = lines(h)
	for (const name of own.length ? [] : brings) own.push(...(byName.get(name)?.lines ?? []))
	return {
		kind: 'head',
		id: `head ${h.layer}.${h.head}`,
		layer: h.layer,
		heads: [h.head],
		gap: h.gap,
		intent: h.intent,
		name: h.at,
		text:
			h.program?.text ??
			h.text ??
			(h.offset
				? `${Math.abs(h.offset)} ${h.offset < 0 ? 'back' : 'ahead'}`
				: h.at),
		offset: h.offset,
		library: h.program && h.text !== h.program.text ? h.text : '',
		brings,
		lines: own,
		named: h.text && h.at !== h.text && /^[\w.]+$/.test(h.at) ? h.at : '',
	}
}

// "3, 2 and 1 back"
function merge(offsets) {
	const first = offsets[0],
		far = offsets.map(h => Math.abs(h.offset))
	const [most, least] = [far[0], far[far.length - 1]]
	const list =
		far.length > 3 && most - least === far.length - 1
			? `${most} to ${least}`
			: far.length > 1
				? `${far.slice(0, -1).join(', ')} and ${least}`
				: most
	const way = first.offset < 0 ? 'back' : 'ahead'
	return {
		...first,
		heads: offsets.flatMap(h => h.heads),
		offsets: offsets.map(h => h.offset),
		text: `the token${far.length > 1 ? 's' : ''} ${list} ${way}`,
		brings: [...new Set(offsets.flatMap(h => h.brings))],
		lines: offsets.flatMap(h => h.lines),
	}
}

function heads(model, layer, byName) {
	const all = model.heads.filter(h => h.layer === layer).map(h => head(h, model, byName))
	const back = all.filter(h => h.offset < 0).sort((a, b) => a.offset - b.offset),
		others = all.filter(h => !(h.offset < 0))
	return back.length ? [merge(back), ...others] : others
}

// Neurons that no value needs, but for room: they take what is no longer read out of its columns.
function clearing(model, layer, groups) {
	const used = new Set(groups.flatMap(g => g.neurons))
	const rest = Array.from({ length: model.report.neurons[layer] }, (_, i) => i).filter(
		i => !used.has(i),
	)
	return rest.length
		? [
				{
					kind: 'neurons',
					id: `neurons ${layer}.clear`,
					layer,
					neurons: rest,
					name: '',
					op: 'CLEAR',
					verb: 'empty',
					text: `${many(rest.length, 'column')} of the stream`,
					whole:
						'what stood there is not read any more; another ' +
						'value takes its place',
					library: '',
					lines: [],
				},
			]
		: []
}

function neurons(model, layer) {
	const groups = model.neurons
		.filter(g => g.layer === layer)
		.map((g, i) => ({
			kind: 'neurons',
			id: `neurons ${layer}.${i}`,
			layer,
			neurons: g.neurons,
			name: g.name,
			op: g.op,
			verb: verbs[g.op] ?? 'compute',
			text: expression(g),
			whole: g.program?.text ?? g.text ?? '',
			library: g.program && g.text !== g.program.text ? `${g.text}` : '',
			lines: g.parts?.length
				? g.parts.map(p => [p.line, p.end_line])
				: lines(g),
		}))
	return [...groups, ...clearing(model, layer, groups)]
}

// The row of a step of a chain.
export const rowOfLink = (rows, step) =>
	rows.find(
		r =>
			r.layer === step.layer &&
			(r.kind === 'head'
				? r.heads.includes(step.head)
				: r.kind === 'neurons' && r.neurons.includes(step.neuron)),
	)

// Marks the rows that the longest chain of steps goes through: what makes the model that deep.
function mark(rows, chain) {
	for (const step of chain) {
		const row = rowOfLink(rows, step)
		if (row) (row.chain ??= []).push(step)
	}
}

export function picture(model) {
	const rows = [],
		all = values(model),
		r = model.report
	const byName = new Map(all.map(v => [v.name, v]))
	const placed = state => rows.push(...all.filter(v => v.state === state))

	rows.push({
		kind: 'band',
		id: 'embedding',
		title: 'embedding',
		note: 'what depends on the token or on its place alone',
	})
	placed(0)
	for (let l = 0; l < r.layers; l++) {
		if (r.heads[l]) {
			rows.push({
				kind: 'band',
				id: `attention ${l}`,
				title: `layer ${l}`,
				half: 'attention',
				note: many(r.heads[l], 'head'),
			})
			rows.push(...heads(model, l, byName))
		}
		placed(2 * l + 1)
		if (r.neurons[l]) {
			rows.push({
				kind: 'band',
				id: `mlp ${l}`,
				title: `layer ${l}`,
				half: 'neurons',
				note: many(r.neurons[l], 'neuron'),
			})
			rows.push(...neurons(model, l))
		}
		placed(2 * l + 2)
	}
	rows.push({
		kind: 'band',
		id: 'output',
		title: model.emits ? 'next token' : 'output',
		note: model.emits
			? 'the greatest of the last state’s logits'
			: 'read off the last state',
	})
	rows.push({ kind: 'output', id: 'output row' })
	const apart = all.filter(v => v.state === null)
	if (apart.length) {
		rows.push({
			kind: 'band',
			id: 'meant',
			title: 'what the program means',
			note:
				'values that never stand in the stream as a whole: their parts ' +
				'are in the weights of whoever reads them',
		})
		rows.push(...apart)
	}
	mark(rows, r.chain)
	return rows
}

export function describe(report) {
	return (
		`${many(report.layers, 'layer')} · width ${report.d_model} · ` +
		`${many(sum(report.heads), 'head')} · ${many(sum(report.neurons), 'neuron')} · ` +
		`${report.nonzeros.toLocaleString('en')} weights that are not 0`
	)
}

// ---- what a text shows of them ----

const shown = token => ({ ' ': '␣', '\n': '⏎', '\t': '⇥' })[token] ?? token

// A record as its fields: "{op: add, a: 3}" is [["op", "add"], ["a", "3"]].
export function fields(token) {
	if (!/^\{.*\}$/.test(token)) return null
	return [...token.slice(1, -1).matchAll(/(\w+): (\[[^\]]*\]|[^,]*)(?:, |$)/g)].map(m => [
		m[1],
		m[2],
	])
}

export const spelled = token => {
	const record = fields(token)
	return record ? record.map(f => f[1]).join(' ') : shown(token)
}

// What a value is at a position: what stands in the stream, or what the evaluator says it means.
export function valueAt(trace, row, at) {
	const got = row.of.map(
		i =>
			(row.state === null ? trace.meant?.[i]?.[at] : trace.values[i]?.[at]) ??
			trace.meant?.[i]?.[at] ??
			'',
	)
	while (got.length > 1 && got[got.length - 1] === '<end>') got.pop()
	if (got.length > 5 && got.every(x => x === 'true' || x === 'false'))
		return got.map(x => (x === 'true' ? 1 : 0)).join('')
	const words = got.map(shown)
	return words.join(words.some(w => w.length > 1) ? ' ' : '')
}

// Who a head looks at from a position, as [position, weight]; <bos> is -1.
export const looks = (trace, layer, head, at) => trace.attention[layer]?.[head]?.[at + 1] ?? []

export const tokenAt = (trace, at) => (at < 0 ? '<bos>' : spelled(trace.tokens[at] ?? ''))

export const count = trace =>
	trace.tokens.length ? trace.tokens.length : (trace.meant[0]?.length ?? trace.nprompt)
