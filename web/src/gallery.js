// Every example, with the sentence that it begins with.
import { element } from './draw.js'

export function sentence(program) {
	const comment = []
	for (const line of program.split('\n')) {
		if (!line.startsWith('#')) break
		comment.push(line.replace(/^#\s*/, ''))
	}
	const whole = comment.join(' '),
		first = whole.match(/^.{20,}?(?<!\.)[.?!](?=\s|$)/)?.[0] ?? whole
	return first.length > 180 ? `${first.slice(0, 178)} …` : first
}

const groups = [
	[
		'To begin with',
		[
			'adder',
			'calculator',
			'reverse_emit',
			'caesar',
			'sort_digits',
			'induction',
			'histogram',
		],
	],
	[
		'Digits',
		[
			'adder_1digit',
			'binary_increment',
			'calculator_wide',
			'fibonacci',
			'range_printer',
			'parity',
		],
	],
	['Steps written out', ['scratchpad_adder', 'calculator_scratchpad', 'long_division']],
	[
		'Brackets and order',
		[
			'dyck1',
			'dyck2',
			'shuffle_dyck2',
			'balanced_parens',
			'reverse',
			'sort_by_frequency',
			'most_frequent',
			'tally',
		],
	],
	[
		'Machines',
		['machine_step', 'machine32', 'alu32', 'turing', 'rule110', 'life', 'memory'],
	],
	['Numbers', ['neighbour', 'kernel', 'raw_graph']],
]

// A page of its own, beside this one.
const computer = () =>
	element(
		'a',
		{ className: 'card', href: 'machine.html' },
		element('b', { textContent: 'C programs' }),
		element('span', {
			textContent:
				'A C program inside a transformer: WebAssembly as a prompt, an ' +
				'instruction a token.',
		}),
	)

export function openGallery(dialog, programs, open) {
	const placed = new Set(groups.flatMap(g => g[1]))
	const all = [...groups, ['More', Object.keys(programs).filter(n => !placed.has(n))]]
	const card = name =>
		element(
			'button',
			{
				type: 'button',
				className: 'card',
				onclick() {
					dialog.close()
					open(name)
				},
			},
			element('b', { textContent: name.replace(/_/g, ' ') }),
			element('span', { textContent: sentence(programs[name]) }),
		)
	dialog.replaceChildren(
		element(
			'header',
			{},
			element('h2', { textContent: 'Examples' }),
			element('button', {
				type: 'button',
				className: 'close',
				textContent: '✕',
				'aria-label': 'Close',
				onclick: () => dialog.close(),
			}),
		),
		...all
			.filter(([, names]) => names.some(n => programs[n]))
			.flatMap(([title, names]) => [
				element('h3', { textContent: title }),
				element(
					'div',
					{ className: 'cards' },
					...names.filter(n => programs[n]).map(card),
					title === 'Machines' ? computer() : '',
				),
			]),
	)
	dialog.showModal()
}
