// One instance of the module in a thread of its own, so that the page never waits for it.
import { instantiate } from './module.js'

let ready
onmessage = async ({ data: { id, what, args } }) => {
	try {
		if (what === 'start') {
			ready = instantiate(args[0])
			await ready
			postMessage({ id })
			return
		}
		const tw = await ready,
			begun = performance.now(),
			result = tw[what](...args)
		postMessage({ id, result, ms: performance.now() - begun })
	} catch (e) {
		postMessage({ id, error: e.message ?? String(e) })
	}
}
