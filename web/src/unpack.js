// The module inside of the page: its bytes as characters, the most frequent ones as those of ASCII,
// these and the others in the order of the bytes. (A page is compressed as a whole where it is
// served; of base64 that would make a sixth more.)
export function unpackModule({ order, text }) {
	const byte = new Map([...order].map((c, i) => [c, i]))
	return Uint8Array.from(text, c => byte.get(c))
}
