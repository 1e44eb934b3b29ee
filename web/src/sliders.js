// Numbers that one can move: the inputs at the chosen position, and whole numbers that the program
// names at its outermost level, `const n = 9`. The model answers as they move; a constant makes
// another model.
import { element } from './draw.js'

// The rows of numbers of a prompt: "0.5 1; 2 3" is [["0.5", "1"], ["2", "3"]].
export const numberRows = prompt =>
	prompt
		.replace(/[[\]]/g, ' ')
		.split(/[;\n]/)
		.filter(row => row.trim())
		.map(row => row.trim().split(/[\s,]+/))

// {name, value, at, length}: where the number stands in the text.
export function constants(text) {
	const found = []
	for (const m of text.matchAll(/^(const\s+(\w+)\s*=\s*)(-?\d{1,6})[ \t]*(?:#.*)?$/gm))
		found.push({
			name: m[2],
			value: Number(m[3]),
			at: m.index + m[1].length,
			length: m[3].length,
		})
	return found
}

function slider(name, what, { low, high, step, value }, onMove) {
	const shown = element('output', { textContent: value })
	const range = element('input', {
		type: 'range',
		min: low,
		max: high,
		step,
		value,
		'aria-label': `${name}, ${what}`,
		oninput() {
			shown.textContent = range.value
			onMove(range.value)
		},
	})
	return element('label', {}, element('code', { textContent: name }), range, shown)
}

// Of a range between reals: some 200 steps, of a round size.
function stepOf({ low, high, whole }) {
	return whole ? 1 : 10 ** Math.round(Math.log10((high - low) / 200))
}

// page: {inputs, row, text, setNumber(input, text), setConstant(name, text)}; row: the numbers at
// the chosen position. A slider that is being moved stays as it is.
export function showSliders(box, page) {
	const names = constants(page.text)
	const key = JSON.stringify([page.inputs, names.map(c => c.name)])
	box.hidden = !page.inputs.length && !names.length
	if (box.dataset.key === key) {
		const numbers = page.row.slice(0, page.inputs.length),
			all = [...numbers, ...names.map(c => c.value)]
		box.querySelectorAll('input').forEach((range, i) => {
			if (range === document.activeElement || all[i] === undefined) return
			range.value = all[i]
			range.nextSibling.textContent = all[i]
		})
		return
	}
	box.dataset.key = key
	box.replaceChildren(
		...page.inputs.map((input, i) =>
			slider(
				input.name,
				'at the chosen position',
				{ ...input, step: stepOf(input), value: page.row[i] ?? 0 },
				x => page.setNumber(i, x),
			),
		),
		...names.map(({ name, value }) =>
			slider(
				name,
				'a constant of the program',
				{
					low: Math.min(value, 1),
					high: Math.max(10, 2 * value),
					step: 1,
					value,
				},
				x => page.setConstant(name, x),
			),
		),
	)
}
