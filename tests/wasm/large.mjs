// usage: node large.mjs FILE.wasm
// A module with 65,000 words of data, main of which returns the last byte of them but one.
import fs from 'node:fs'

const words = 65000
const u32 = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...u32(n >>> 7)])
const section = (id, bytes) => [id, ...u32(bytes.length), ...bytes]
const data = Array.from({ length: 4 * words }, (_, i) => (i * i + 1) & 255)
const code = [0, 0x41, 0, 0x2d, 0, ...u32(4 * words - 2), 0x0b]

fs.writeFileSync(
  process.argv[2],
  Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 0, 1, 0x7f]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 4]),
    ...section(7, [1, 4, ...Buffer.from('main'), 0, 0]),
    ...section(10, [1, ...u32(code.length), ...code]),
    ...section(11, [1, 0, 0x41, 0, 0x0b, ...u32(data.length), ...data]),
  ]),
)
console.log(data[4 * words - 2])
