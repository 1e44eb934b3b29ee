// usage: node tests/wasm/random.mjs N SEED DIR
// Writes N random valid modules, and a script that calls their functions: DIR/random.json. What
// a call gives, or how it traps, is what this engine says; `twasm test` compares. All
// instructions on i32 and i64 come, branches out of blocks, bounded loops, tables of labels and of
// functions, memory that grows, traps, state that lives on from call to call.
import { writeFileSync } from 'node:fs'

const [count, seed, dir] = process.argv.slice(2)
let state = BigInt(seed) * 2654435761n + 1n
const random = n => {
	// xorshift64*
	state ^= (state << 13n) & 0xffffffffffffffffn
	state ^= state >> 7n
	state ^= (state << 17n) & 0xffffffffffffffffn
	return Number((state >> 11n) % BigInt(n))
}
const pick = list => list[random(list.length)]
const chance = (n, of) => random(of) < n
const range = n => [...Array(n).keys()]

// ---- bytes
const unsigned = n => {
	const out = []
	for (n = BigInt(n); ;) {
		const byte = Number(n & 127n)
		n >>= 7n
		out.push(n ? byte | 128 : byte)
		if (!n) return out
	}
}
const signed = n => {
	const out = []
	for (n = BigInt(n); ;) {
		const byte = Number(n & 127n)
		n >>= 7n
		const last = (n === 0n && !(byte & 64)) || (n === -1n && byte & 64)
		out.push(last ? byte : byte | 128)
		if (last) return out
	}
}
const vector = items => [...unsigned(items.length), ...items.flat()]
const section = (id, bytes) => [id, ...unsigned(bytes.length), ...bytes]
const text = s => vector([...Buffer.from(s)].map(b => [b]))

const I32 = 0x7f,
	I64 = 0x7e
const edges = [
	0n,
	1n,
	2n,
	3n,
	7n,
	31n,
	32n,
	63n,
	255n,
	256n,
	0x7fffn,
	0x8000n,
	0xffffn,
	0x7fffffffn,
	0x80000000n,
	0xffffffffn,
	0x100000000n,
	0x7fffffffffffffffn,
	0x8000000000000000n,
	0xffffffffffffffffn,
]
const number = type => {
	const bits = type === I32 ? 32 : 64
	const n = chance(1, 2)
		? pick(edges)
		: BigInt(random(2 ** 32)) * BigInt(random(2 ** 20) + 1) + BigInt(random(2 ** 16))
	return BigInt.asIntN(bits, n)
}
const constant = (type, n) => [type === I32 ? 0x41 : 0x42, ...signed(n)]

// ---- a function
const span = (from, to) => range(to - from + 1).map(i => from + i)
const unary = { [I32]: [0x67, 0x68, 0x69, 0xc0, 0xc1], [I64]: [0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4] }
const binary = { [I32]: span(0x6a, 0x78), [I64]: span(0x7c, 0x8a) }
const loads = {
	[I32]: [
		[0x28, 2],
		[0x2c, 0],
		[0x2d, 0],
		[0x2e, 1],
		[0x2f, 1],
	],
	[I64]: [
		[0x29, 3],
		[0x30, 0],
		[0x31, 0],
		[0x32, 1],
		[0x33, 1],
		[0x34, 2],
		[0x35, 2],
	],
}
const stores = {
	[I32]: [
		[0x36, 2],
		[0x3a, 0],
		[0x3b, 1],
	],
	[I64]: [
		[0x37, 3],
		[0x3c, 0],
		[0x3d, 1],
		[0x3e, 2],
	],
}

// m: what the module has; f: locals with their types, labels (arrays of result types), how much
// is left
function expression(m, f, type, depth) {
	const e = (t = type) => expression(m, f, t, depth - 1)
	if (depth <= 0 || f.fuel-- <= 0) {
		const locals = f.locals.filter(l => l.type === type)
		return locals.length && chance(2, 3)
			? [0x20, ...unsigned(pick(locals).index)]
			: constant(type, number(type))
	}
	const address = () => (chance(5, 6) ? [...e(I32), 0x41, ...signed(0xfff), 0x71] : e(I32))
	const access = ([op, align]) => [
		op,
		random(align + 1),
		...unsigned(chance(1, 9) ? random(70000) : random(64)),
	]
	switch (random(13)) {
		case 0:
			return [...e(), pick(unary[type])]
		case 1:
		case 2:
		case 3:
		case 4:
			return two(type, e)
		case 5:
			return [...address(), ...access(pick(loads[type]))]
		case 6:
			return type === I32
				? chance(1, 2)
					? [...e(), ...e(), pick(span(0x46, 0x4f))]
					: [...e(I64), ...e(I64), pick(span(0x51, 0x5a))]
				: [...e(I32), pick([0xac, 0xad])]
		case 7:
			return type === I32
				? pick([
						() => [...e(), 0x45],
						() => [...e(I64), 0x50],
						() => [...e(I64), 0xa7],
					])()
				: two(type, e)
		case 8:
			return [...e(), ...e(), ...e(I32), 0x1b]
		case 9:
			return [
				...e(I32),
				0x04,
				type,
				...inside(m, f, [type], () => [...statements(m, f, 1), ...e()]),
				0x05,
				...inside(m, f, [type], () => e()),
				0x0b,
			]
		case 10:
			return [
				0x02,
				type,
				...inside(m, f, [type], () => [...statements(m, f, 1), ...e()]),
				0x0b,
			]
		case 11: {
			const globals = m.globals.flatMap((g, i) => (g === type ? [i] : []))
			return chance(1, 4) && type === I32
				? pick([
						[0x3f, 0],
						[0x41, 1, 0x40, 0],
					])
				: [0x23, ...unsigned(pick(globals))]
		}
		default:
			return call(m, f, type, e) ?? e()
	}
}
// Divisors are seldom 0.
function two(type, e) {
	const op = pick(binary[type])
	const divides = [0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82].includes(op)
	return [
		...e(),
		...e(),
		...(divides && chance(15, 16)
			? [...constant(type, 1n), type === I32 ? 0x72 : 0x84]
			: []),
		op,
	]
}
function call(m, f, type, e) {
	const known = m.functions.slice(0, f.index)
	const t = pick(known.filter(g => g.result === type).concat([undefined]))
	if (!t) return
	const args = t.params.flatMap(p => e(p))
	if (chance(1, 2)) return [...args, 0x10, ...unsigned(t.index)]
	const at = chance(1, 4)
		? [...e(I32), 0x41, ...signed(3), 0x71]
		: constant(I32, BigInt(random(f.index)))
	return [...args, ...at, 0x11, ...unsigned(t.index), 0]
}
function inside(m, f, label, make) {
	f.labels.push(label)
	const out = make()
	f.labels.pop()
	return out
}
// A branch out of a block that gives `type`; it takes a value of that type along.
function statement(m, f) {
	const e = t => expression(m, f, t, 3)
	if (f.fuel-- <= 0) return [0x01]
	switch (random(11)) {
		case 0:
		case 1:
		case 2: {
			const l = pick(f.locals)
			return chance(1, 5)
				? [...e(l.type), 0x22, ...unsigned(l.index), 0x1a]
				: [...e(l.type), 0x21, ...unsigned(l.index)]
		}
		case 3:
		case 4: {
			const type = pick([I32, I64]),
				[op, align] = pick(stores[type])
			return [
				...e(I32),
				0x41,
				...signed(0xfff),
				0x71,
				...e(type),
				op,
				random(align + 1),
				...unsigned(random(64)),
			]
		}
		case 5: {
			const i = random(m.globals.length)
			return [...e(m.globals[i]), 0x24, ...unsigned(i)]
		}
		case 6:
			return [
				...e(I32),
				0x04,
				0x40,
				...inside(m, f, [], () => statements(m, f, 2)),
				...(chance(1, 2)
					? [0x05, ...inside(m, f, [], () => statements(m, f, 2))]
					: []),
				0x0b,
			]
		case 7: {
			// a loop of a few rounds, whose counter nothing else sets
			if (f.counters.length === 0) return [0x01]
			const c = f.counters.pop()
			return [
				0x41,
				...signed(1 + random(4)),
				0x21,
				...unsigned(c),
				0x03,
				0x40,
				...inside(m, f, null, () => statements(m, f, 2)),
				0x20,
				...unsigned(c),
				0x41,
				...signed(-1),
				0x6a,
				0x22,
				...unsigned(c),
				0x0d,
				0,
				0x0b,
			]
		}
		case 8: {
			// out of a block, by a condition
			const depth = random(f.labels.length),
				label = f.labels[f.labels.length - 1 - depth]
			if (label === null) return [0x01]
			return [
				...label.flatMap(t => e(t)),
				...e(I32),
				0x0d,
				...unsigned(depth),
				...label.map(() => 0x1a),
			]
		}
		case 9:
			return [
				0x02,
				0x40,
				0x02,
				0x40,
				0x02,
				0x40,
				...inside3(m, f, () => [
					...e(I32),
					0x0e,
					3,
					0,
					1,
					2,
					pick([0, 1, 2]),
				]),
				0x0b,
				...inside(m, f, [], () =>
					inside(m, f, [], () => statements(m, f, 1)),
				),
				0x0b,
				...inside(m, f, [], () => statements(m, f, 1)),
				0x0b,
			]
		default:
			return chance(1, 12)
				? [...e(I32), 0x04, 0x40, 0x00, 0x0b]
				: [...e(I32), 0x1a]
	}
}
const inside3 = (m, f, make) =>
	inside(m, f, [], () => inside(m, f, [], () => inside(m, f, [], make)))
const statements = (m, f, most) => range(1 + random(most)).flatMap(() => statement(m, f))

function build() {
	const m = { globals: [I32, I64, I32], functions: [] }
	const bodies = []
	for (const index of range(4)) {
		const params = range(random(4)).map(() => pick([I32, I64])),
			result = pick([I32, I64])
		const own = [I32, I64, I32, I64, I32, I32, I32]
		const types = [...params, ...own]
		const counters = range(3).map(i => types.length - 1 - i)
		const f = {
			index,
			counters,
			fuel: 60,
			labels: [[result]],
			locals: types
				.slice(0, types.length - 3)
				.map((type, i) => ({ type, index: i })),
		}
		m.functions.push({ index, params, result })
		const code = [
			...vector(own.map(t => [1, t])),
			...statements(m, f, 5),
			...expression(m, f, result, 4),
			0x0b,
		]
		bodies.push([...unsigned(code.length), ...code])
	}
	const types = m.functions.map(t => [0x60, ...vector(t.params.map(p => [p])), 1, t.result])
	const bytes = Uint8Array.from([
		0,
		0x61,
		0x73,
		0x6d,
		1,
		0,
		0,
		0,
		...section(1, vector(types)),
		...section(3, vector(types.map((_, i) => [i]))),
		...section(4, [1, 0x70, 0, 4]),
		...section(5, [1, 1, 1, 3]),
		...section(6, vector(m.globals.map(t => [t, 1, ...constant(t, number(t)), 0x0b]))),
		...section(7, vector(types.map((_, i) => [...text('f' + i), 0, i]))),
		...section(9, [1, 0, 0x41, 0, 0x0b, 4, 0, 1, 2, 3]),
		...section(10, vector(bodies)),
		...section(11, [
			1,
			0,
			0x41,
			...signed(random(4000)),
			0x0b,
			...vector(range(40).map(() => [random(256)])),
		]),
	])
	return { m, bytes }
}

const traps = [
	['Maximum call stack size exceeded', 'call stack exhausted'],
	['unreachable', 'unreachable'],
	['by zero', 'integer divide by zero'],
	['unrepresentable', 'integer overflow'],
	['memory access out of bounds', 'out of bounds memory access'],
	['signature mismatch', 'indirect call type mismatch'],
	['index is out of bounds', 'undefined element'],
]
const spelled = (type, x) => ({
	type: type === I32 ? 'i32' : 'i64',
	value: String(BigInt.asUintN(type === I32 ? 32 : 64, BigInt(x))),
})
const commands = []
for (const n of range(Number(count))) {
	const { m, bytes } = build()
	const filename = `random.${n}.wasm`
	writeFileSync(`${dir}/${filename}`, bytes)
	const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))
	commands.push({ type: 'module', line: n, filename })
	for (const call of range(8)) {
		const f = m.functions[call % 4]
		const values = f.params.map(number)
		const action = {
			type: 'invoke',
			field: 'f' + f.index,
			args: f.params.map((t, i) => spelled(t, values[i])),
		}
		try {
			const got = exports[action.field](
				...f.params.map((t, i) =>
					t === I32 ? Number(values[i]) : values[i],
				),
			)
			commands.push({
				type: 'assert_return',
				line: n,
				action,
				expected: [spelled(f.result, got)],
			})
		} catch (e) {
			const known = traps.find(([theirs]) => e.message.includes(theirs))
			commands.push({
				type: 'assert_trap',
				line: n,
				action,
				text: known ? known[1] : e.message,
				expected: [],
			})
		}
	}
}
writeFileSync(`${dir}/random.json`, JSON.stringify({ commands }, null, 0))
