// usage: node tests/json.mjs EXPLAINED VALUE TRACE
//
// What twc explain --json, twc explain a --json and twrun --json say of the calculator and of
// "12*34=": they fit each other and the program. A picture of the model is made of them.
import { strict as assert } from 'assert'
import { readFileSync } from 'fs'

const [explained, value, trace] = process.argv.slice(2).map(f => JSON.parse(readFileSync(f)))
const { heads, neurons, named } = explained

assert.deepEqual(
	value.map(v => v.name),
	['a[0]', 'a[1]', 'a[2]'],
)
assert(value[0].chain.length > 0 && value[0].chain.every(l => 'head' in l !== 'neuron' in l))

const sign = heads.find(h => h.at === 'sign')
assert.equal(sign.text, 'latest j where token[j] in "+-*"')
assert.equal(sign.line, 12)
assert.deepEqual(trace.attention[sign.layer][sign.head][6], [[2, 1]])
assert.equal(trace.tokens.slice(trace.nprompt).join(''), '408')
assert(trace.done && !trace.fell_back)
assert.equal(trace.values[named.findIndex(n => n.name === 'a[0]')][5], '2')

// what was merged of several arms of the match names them; each neuron is in one group
const product = neurons.find(g => g.parts.length === 1 && g.parts[0].text === 'digits.mul(a, b)')
assert.equal(product.parts[0].line, 19)
for (const layer of new Set(neurons.map(g => g.layer))) {
	const all = neurons.filter(g => g.layer === layer).flatMap(g => g.neurons)
	assert.equal(new Set(all).size, all.length)
}
