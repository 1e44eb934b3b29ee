// The link that holds program, prompt and position: #p=<deflate, base64url>&q=prompt&at=5, and
// files of one's own that the program uses: &f:lib/mine.tw=<deflate, base64url>. Or
// #example=adder. Nothing of it goes to a server: what follows # stays in the browser.

const bytesOf = async stream => new Uint8Array(await new Response(stream).arrayBuffer())
const through = (data, how) => bytesOf(new Blob([data]).stream().pipeThrough(how))

export async function pack(text) {
	const bytes = await through(text, new CompressionStream('deflate-raw'))
	let binary = ''
	for (const byte of bytes) binary += String.fromCharCode(byte)
	return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

const decode = text =>
	Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0))

export async function unpack(text) {
	return new TextDecoder().decode(
		await through(decode(text), new DecompressionStream('deflate-raw')),
	)
}

export const unzip = base64 => through(decode(base64), new DecompressionStream('gzip'))

export async function linkTo({ text, prompt, at, embed, files = [] }) {
	const parts = [`p=${await pack(text)}`, `q=${encodeURIComponent(prompt)}`]
	if (at >= 0) parts.push(`at=${at}`)
	for (const [path, content] of files)
		parts.push(`f:${encodeURIComponent(path)}=${await pack(content)}`)
	if (embed) parts.push('embed=1')
	return `${location.href.replace(/#.*/, '')}#${parts.join('&')}`
}

export async function readLink(hash) {
	const part = new URLSearchParams(hash.replace(/^#/, ''))
	const link = {
		embed: part.has('embed'),
		prompt: part.get('q'),
		example: part.get('example'),
		walk: part.get('walk'),
		step: part.get('step'),
	}
	if (part.has('at')) link.at = Number(part.get('at'))
	link.files = []
	try {
		for (const [name, packed] of part)
			if (name.startsWith('f:'))
				link.files.push([name.slice(2), await unpack(packed)])
		if (part.has('p')) link.text = await unpack(part.get('p'))
	} catch {
		link.broken = true
	}
	return link
}

// What was here when the page was left. A browser may refuse to keep anything.
const kept = 'tw playground'
export const keep = state => {
	try {
		localStorage.setItem(kept, JSON.stringify(state))
	} catch {}
}
export const recall = () => {
	try {
		return JSON.parse(localStorage.getItem(kept)) ?? {}
	} catch {
		return {}
	}
}
