// The tutorial (lang/tutorial.md): each of its programs opens in the editor.
import tutorial from 'virtual:tutorial'
import { element } from './draw.js'

export function openTutorial(dialog, open) {
	if (!dialog.firstChild) {
		const body = element('div', { className: 'prose', innerHTML: tutorial.html })
		for (const block of body.querySelectorAll('pre[data-step]')) {
			const { program, prompt } = tutorial.steps[block.dataset.step]
			block.tabIndex = 0
			block.after(
				element('button', {
					type: 'button',
					className: 'open',
					textContent: 'Open this program',
					onclick() {
						dialog.close()
						open(program, prompt)
					},
				}),
			)
		}
		dialog.append(
			element(
				'header',
				{},
				element('h2', { textContent: 'Learn tw' }),
				element('button', {
					type: 'button',
					className: 'close',
					textContent: '✕',
					'aria-label': 'Close',
					onclick: () => dialog.close(),
				}),
			),
			body,
		)
	}
	dialog.showModal()
}
