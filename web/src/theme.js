// Light, dark, or as the system has it.
const kept = 'tw colours',
	next = { auto: 'light', light: 'dark', dark: 'auto' }
const said = {
	auto: ['◐', 'as the system has them'],
	light: ['☀', 'light'],
	dark: ['☾', 'dark'],
}

export function colours(button) {
	let now = 'auto'
	try {
		now = localStorage.getItem(kept) ?? now
	} catch {}
	const show = () => {
		document.documentElement.dataset.colours = now
		button.textContent = said[now][0]
		button.setAttribute('aria-label', `Colours: ${said[now][1]}`)
		button.title = `Colours: ${said[now][1]}`
	}
	button.onclick = () => {
		now = next[now]
		try {
			localStorage.setItem(kept, now)
		} catch {}
		show()
	}
	show()
}
