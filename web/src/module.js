// The compiler's module and the little of WASI that it imports: a clock, and where it prints.
// What it can be asked is in web/page.h.

import { count } from './picture.js'

const encoder = new TextEncoder(),
	decoder = new TextDecoder()

export async function instantiate(module) {
	let memory,
		said = ''
	const view = () => new DataView(memory.buffer)
	const wasi = {
		clock_time_get(id, precision, out) {
			view().setBigUint64(
				out,
				BigInt(Math.round(performance.now() * 1e6)),
				true,
			)
			return 0
		},
		environ_sizes_get(count, size) {
			view().setUint32(count, 0, true)
			view().setUint32(size, 0, true)
			return 0
		},
		environ_get: () => 0,
		fd_write(fd, parts, n, out) {
			let total = 0
			for (let i = 0; i < n; i++) {
				const at = view().getUint32(parts + 8 * i, true)
				const length = view().getUint32(parts + 8 * i + 4, true)
				said += decoder.decode(new Uint8Array(memory.buffer, at, length))
				total += length
			}
			view().setUint32(out, total, true)
			return 0
		},
		proc_exit(status) {
			throw new Error(said.trim() || `ended with status ${status}`)
		},
	}
	// EBADF: there are no files, and no folders that were opened before
	const notThere = () => 8
	const imports = {}
	for (const { module: from, name } of WebAssembly.Module.imports(module))
		(imports[from] ??= {})[name] = wasi[name] ?? notThere
	const { exports: tw } = await WebAssembly.instantiate(module, imports)
	memory = tw.memory
	tw._initialize()

	const give = text => {
		const bytes = encoder.encode(text),
			at = tw.tw_alloc(bytes.length + 1)
		const to = new Uint8Array(memory.buffer)
		to.set(bytes, at)
		to[at + bytes.length] = 0
		return at
	}
	const take = at => {
		const all = new Uint8Array(memory.buffer)
		const text = decoder.decode(all.subarray(at, all.indexOf(0, at)))
		tw.tw_give_back(at)
		return text
	}
	// Strings go in as pointers that are given back.
	const call = (name, ...args) => {
		const own = args.map(a => (typeof a === 'string' ? give(a) : a))
		try {
			return tw[name](...own)
		} catch (e) {
			throw said.trim() ? new Error(said.trim()) : e
		} finally {
			args.forEach((a, i) => typeof a === 'string' && tw.tw_give_back(own[i]))
		}
	}
	const json = (...args) => JSON.parse(take(call(...args)))

	return {
		compile: (path, text) => json('tw_compile', path, text),
		trace: (prompt, limit) => json('tw_trace', prompt, limit),
		position: at => json('tw_position', at),
		// A text, and what heads and neurons do at one of its positions: where that is
		// null, at the last of the prompt.
		traceAt(prompt, limit, at) {
			const got = json('tw_trace', prompt, limit)
			if (got.error || !got.tokens) return got
			const last = count(got) - 1
			got.at = Math.max(0, Math.min(at ?? got.nprompt - 1, last))
			got.place = json('tw_position', got.at)
			return got
		},
		explain: named => json('tw_explain', named),
		test(path, text, line) {
			said = ''
			const status = call('tw_test', path, text, line),
				output = said
			said = ''
			return { status, output }
		},
		decode: (prompt, times) => call('tw_decode', prompt, times),
		file(kind) {
			said = ''
			const at = tw.tw_file(
				{ onnx: 0, safetensors: 1, config: 2, gguf: 3 }[kind],
			)
			if (!at) throw new Error(said)
			return new Uint8Array(memory.buffer, at, tw.tw_file_size()).slice()
		},
		put: (path, text) => call('tw_put', path, text),
		// A WebAssembly program for the machine, its bytes and what it reads.
		machineOpen(bytes, input) {
			const at = tw.tw_alloc(bytes.length + 1)
			new Uint8Array(memory.buffer).set(bytes, at)
			const got = json('tw_machine_open', at, bytes.length, input)
			tw.tw_give_back(at)
			return got
		},
		machineRun: steps => json('tw_machine_run', steps),
		machineStep: () => json('tw_machine_step'),
		lsp: message => json('tw_lsp', JSON.stringify(message)),
		built: (uri, version, result) =>
			json('tw_built', uri, version, JSON.stringify(result)),
	}
}
