// usage: node tests/wasm/node.mjs PROGRAM.wasm [ARG...] <in >out
// The same program in another engine: what it prints, and its exit status.
import { readFileSync, writeSync } from 'node:fs'

const input = readFileSync(0)
const output = []
let at = 0
const env = {
	putchar: c => (output.push(c & 255), c & 255),
	getchar: () => (at < input.length ? input[at++] : -1),
}
const module = new WebAssembly.Module(readFileSync(process.argv[2]))
let status
try {
	status = new WebAssembly.Instance(module, { env }).exports.main(0, 0) & 255
} catch (e) {
	console.error(String(e))
	status = 1
}
writeSync(1, Buffer.from(output))
process.exitCode = status
