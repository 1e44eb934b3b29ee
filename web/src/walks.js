// Five guided walks: each goes from row to row of one program's picture and says what happens
// there. A step names a row by its kind and some of its words, and a position.
import { element } from './draw.js'

export const walks = [
	{
		id: 'find',
		title: 'How a head finds',
		example: 'reverse_emit',
		prompt: 'abcd=',
		steps: [
			{
				at: 4,
				text:
					'This program writes a text backwards. Its text so far ' +
					'is ' +
					'“abcd=”; the chosen position, in yellow, is that of ' +
					'“=”. What comes next is asked there, as in any ' +
					'language model. Every other column shows what the same ' +
					'transformer computes at other positions.',
			},
			{
				at: 4,
				head: 'equals',
				text:
					'The first thing to know is where “=” stands. A head ' +
					'asks ' +
					'every position the condition on the left. Only “=” ' +
					'fits, so that is where the arc goes: here, to itself. ' +
					'The numbers below are the scores that it gives: a ' +
					'position that fits is ahead of every other by 104 at ' +
					'least, and so far behind, exp() is 0 in float32. This ' +
					'is not nearly one-hot attention; it is one-hot.',
			},
			{
				at: 6,
				head: 'equals',
				text:
					'Two tokens later the same head looks back to the same ' +
					'place. How far it had to look is how much of the ' +
					'answer is written.',
			},
			{
				at: 6,
				value: 'k',
				text:
					'The program calls that k. It never stands in the stream ' +
					'as a number of its own: here − equals is a sum, and ' +
					'sums cost nothing, for they can be in the weights of ' +
					'whoever reads them. Italics show what it means: 2 are ' +
					'written.',
			},
			{
				at: 6,
				head: 'equals - 1 - k',
				text:
					'A second head looks at position equals − 1 − k, a ' +
					'number ' +
					'that was computed. Its scores are a parabola with its ' +
					'top there: −(x − p)² is a product of something here ' +
					'and something there, which is what attention computes. ' +
					'It finds “b”, and that is what is said next.',
			},
			{
				at: 8,
				text:
					'The red thread on the left joins the steps that wait ' +
					'for ' +
					'each other: first find “=”, then the place. So the ' +
					'model has two layers, and no compiler can do with ' +
					'fewer. Step on with → and see it end.',
			},
		],
	},
	{
		id: 'carry',
		title: 'How a sum is carried',
		example: 'adder',
		prompt: '95+17=',
		steps: [
			{
				at: 5,
				text:
					'A sum of three digits, as at school. The answer is ' +
					'known ' +
					'at “=” already: what is written later is read off it.',
			},
			{
				at: 5,
				head: 'back',
				text:
					'The digits before a mark are one, two and three ' +
					'positions back: three heads that look a fixed ' +
					'distance, wherever they stand. At “=” they bring 7 and ' +
					'1 (and “+”, which counts as no digit). At “+” they ' +
					'have brought 5 and 9.',
			},
			{
				at: 5,
				head: 'plus',
				text:
					'The other number was gathered at “+”, one layer ' +
					'earlier. ' +
					'This head finds “+” and brings all of its digits.',
			},
			{
				at: 5,
				neurons: 'digits.add',
				text:
					'Now the carries. A column gets a carry if the columns ' +
					'behind it add up to 10, 100 or more: 5 + 7 is 12, and ' +
					'95 + 17 is 112. Each is one comparison of a weighted ' +
					'sum, a step of two neurons, and no carry waits for ' +
					'another. So one layer does it, for any number of ' +
					'digits that float32 can hold.',
			},
			{
				at: 5,
				value: 'sum',
				text:
					'The digits of the sum, the lowest first: 2, 1, 1, 0. As ' +
					'numbers they are never there: the neurons above are ' +
					'the carries, and the rest is addition in weights.',
			},
			{
				at: 5,
				neurons: 'emit',
				text:
					'Which digit to write? The highest that is not 0; then, ' +
					'at later positions, the next one. The last layer picks ' +
					'it.',
			},
			{
				at: 6,
				head: 'equals',
				text:
					'At the first digit of the answer a head looks back to ' +
					'“=”, fetches the sum from there, and the distance says ' +
					'which digit is due. Step on, and the next digit is ' +
					'picked.',
			},
		],
	},
	{
		id: 'sort',
		title: 'A sort',
		example: 'sort_digits',
		prompt: '9583=',
		steps: [
			{
				at: 4,
				text:
					'Sorting, a token at a time. A transformer has no ' +
					'variables, so the state of the sort is the digit that ' +
					'was written last.',
			},
			{
				at: 5,
				head: 'given > done',
				text:
					'One token later 3 was written. Were all the 3s that ' +
					'were given written by now? One head answers: it looks ' +
					'at every 3 before “=” and after it, and at <bos>, with ' +
					'equal weights. A 3 that was given brings 1, one that ' +
					'was written −1. Here they cancel.',
			},
			{
				at: 5,
				neurons: 'given > done',
				text:
					'What comes is a mean, (given − written) / (n + 1), and ' +
					'only its sign is asked: two neurons tell a mean above ' +
					'0 from one that is not, for every n that the context ' +
					'holds. Nothing is counted.',
			},
			{
				at: 4,
				head: 'd[j] > d',
				text:
					'The smallest digit greater than the one here: this ' +
					'head’s score is −d, and only greater ones count. At ' +
					'“=” nothing was written yet, so another head finds the ' +
					'least of all.',
			},
			{
				at: 5,
				head: 'd[j] > d',
				text: 'After 3 the least that is greater is 5.',
			},
			{
				at: 5,
				neurons: 'token[least',
				text:
					'None was left, so the next digit is due, else it would ' +
					'be the same once more. Try 2212= to see the difference.',
			},
		],
	},
	{
		id: 'brackets',
		title: 'Brackets of two kinds',
		example: 'dyck2',
		prompt: '({)}',
		steps: [
			{
				at: 3,
				text:
					'Here the program does not continue the text, it labels ' +
					'it: is all of it well nested? Heads look both ways, as ' +
					'in BERT. “({)}” is balanced for each kind alone, and ' +
					'yet wrong.',
			},
			{
				at: 2,
				head: 'open[j] for j where',
				text:
					'How many brackets were opened up to here? Equal weights ' +
					'on all that fit: the more there are, the less each ' +
					'weighs.',
			},
			{
				at: 2,
				neurons: 'depth < 0',
				text:
					'The depth is what was opened less what was closed: a ' +
					'difference, which is free. Below 0 something was ' +
					'closed that was never open.',
			},
			{
				at: 2,
				head: 'latest j where open[j]',
				text:
					'The bracket that “)” closes is the latest opening one ' +
					'of ' +
					'its own depth. The head compares the depth there with ' +
					'the depth here: it finds “{”.',
			},
			{ at: 2, value: 'bad', text: 'And that is of the other kind: bad.' },
			{
				at: 3,
				head: 'broken[j]',
				text:
					'Is anything bad anywhere? The last head asks all ' +
					'positions, and every position gets the same answer.',
			},
		],
	},
	{
		id: 'machine',
		title: 'A machine that runs',
		example: 'turing',
		prompt: '{state: A, head: 0, at: 0, wrote: 0}',
		steps: [
			{
				at: 0,
				text:
					'A Turing machine. A token is a record: its state, where ' +
					'the head stands, the cell it left, and what it wrote ' +
					'there. The text is the history of the machine, one ' +
					'token a step.',
			},
			{
				at: 0,
				head: 'visit',
				text:
					'What is on the tape where the head stands now? The tape ' +
					'is nowhere, but all that was ever written on it is in ' +
					'the text. The head looks for the latest step that left ' +
					'the cell at which it stands.',
			},
			{
				at: 3,
				head: 'visit',
				text:
					'After three steps it stands on a cell that nobody has ' +
					'written yet: there is no such position, and the cell ' +
					'is 0. Step on with →.',
			},
			{
				at: 5,
				head: 'visit',
				text:
					'Now it returns to a cell that it has been at: attention ' +
					'is the memory. However long the text is, that is one ' +
					'look.',
			},
			{
				at: 5,
				neurons: 'match',
				text:
					'The table of the machine, from state and cell to what ' +
					'it ' +
					'does, is a handful of neurons. One layer is all: a ' +
					'transformer with the loop of its own output is a ' +
					'computer.',
			},
			{
				at: 107,
				text:
					'After 107 steps this one halts, with 13 ones on its ' +
					'tape: it is the busy beaver of four states. Every step ' +
					'is exact; one wrong look would have ended it elsewhere.',
			},
		],
	},
]

const words = row => [row.name, row.named, row.text].filter(Boolean)

// The row that a step is about; undefined if it is about none.
export function rowOfStep(rows, step) {
	const kind = ['head', 'neurons', 'value'].find(k => step[k])
	const of = rows.filter(r => r.kind === kind)
	return (
		of.find(r => words(r).includes(step[kind])) ??
		of.find(r => words(r).some(w => w.includes(step[kind])))
	)
}

// Shows a walk in its panel; page: what it may do to the page (main.js).
export function guide(panel, page) {
	let walk = null,
		now = 0

	function close() {
		walk = null
		panel.hidden = true
		page.lock(null)
		page.end()
	}
	async function show(step) {
		now = step
		const here = walk.steps[now],
			row = rowOfStep(page.view.rows, here)
		const button = (text, by, off) =>
			element('button', {
				type: 'button',
				textContent: text,
				disabled: off,
				onclick: () => show(now + by),
			})
		const last = now === walk.steps.length - 1
		panel.replaceChildren(
			element('h2', { textContent: walk.title }),
			element('p', { textContent: here.text }),
			element(
				'div',
				{ className: 'go' },
				button('← Back', -1, now === 0),
				last
					? element('button', {
							type: 'button',
							textContent: 'Done',
							onclick: close,
						})
					: button('Next →', 1, false),
				element('span', {
					textContent: `${now + 1} of ${walk.steps.length}`,
				}),
				last
					? ''
					: element('button', {
							type: 'button',
							textContent: 'Leave',
							onclick: close,
						}),
			),
		)
		panel.hidden = false
		await page.select(here.at)
		page.lock(row?.id ?? null)
	}
	return async (id, step = 0) => {
		walk = walks.find(w => w.id === id)
		if (!walk) return close()
		await page.open(page.example(walk.example), walk.prompt)
		await show(Math.min(step, walk.steps.length - 1))
		panel.querySelector('.go button:nth-child(2)')?.focus()
	}
}
