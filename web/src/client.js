// A worker with an instance of the module, and promises for its answers. Where it takes too long,
// or has fallen over, it is ended and begun anew.
import Worker from './worker.js?worker&inline'

export class Stopped extends Error {}

export function client(module) {
	let worker,
		last = 0
	const waiting = new Map(),
		files = new Map()

	const send = (what, args) =>
		new Promise((resolve, reject) => {
			waiting.set(++last, { resolve, reject })
			worker.postMessage({ id: last, what, args })
		})
	const begin = () => {
		worker = new Worker()
		worker.onmessage = ({ data: { id, result, error, ms } }) => {
			const asked = waiting.get(id)
			waiting.delete(id)
			if (!asked) return
			if (error === undefined) asked.resolve({ result, ms })
			else asked.reject(new Error(error))
		}
		const started = send('start', [module])
		for (const file of files) send('put', file)
		return started
	}
	const end = error => {
		worker.terminate()
		for (const asked of waiting.values()) asked.reject(error)
		waiting.clear()
		return begin()
	}
	const ready = begin()
	return {
		ready,
		put(path, text) {
			files.set(path, text)
			return send('put', [path, text])
		},
		// What it took inside of the module is `client.took`.
		async call(what, ...args) {
			const { result, ms } = await send(what, args)
			this.took = ms
			return result
		},
		// The same, but it is ended after so many seconds.
		async within(seconds, why, what, ...args) {
			const timer = setTimeout(() => end(new Stopped(why)), 1000 * seconds)
			try {
				return await this.call(what, ...args)
			} catch (e) {
				// after a trap the memory is not to be trusted
				if (!(e instanceof Stopped)) end(e)
				throw e
			} finally {
				clearTimeout(timer)
			}
		},
	}
}
