// usage: node isa.mjs PROGRAM.isa
//        node isa.mjs --random SEED
// Carries out a program of 55 opcodes, another way than wasm/isa.c does: cells that know no
// functions, a stack of calls. Prints what HALT finds on top, or the trap. With --random prints a
// program, without jumps that lead back.
import fs from 'node:fs'

const names = `1 PUSH 2 POP 3 ADD 4 DUP 5 HALT 6 SUB 7 JZ 8 JNZ 9 NOP 10 SWAP 11 OVER 12 ROT 13 MUL
14 DIV_S 15 DIV_U 16 REM_S 17 REM_U 18 EQZ 19 EQ 20 NE 21 LT_S 22 LT_U 23 GT_S 24 GT_U 25 LE_S
26 LE_U 27 GE_S 28 GE_U 29 AND 30 OR 31 XOR 32 SHL 33 SHR_S 34 SHR_U 35 ROTL 36 ROTR 37 CLZ 38 CTZ
39 POPCNT 40 ABS 41 NEG 42 SELECT 43 LOCAL.GET 44 LOCAL.SET 45 LOCAL.TEE 46 I32.LOAD 47 I32.STORE
48 LOAD8_U 49 LOAD8_S 50 LOAD16_U 51 LOAD16_S 52 STORE8 53 STORE16 54 CALL 55 RETURN 99 TRAP`
  .split(/\s+/)
  .reduce((all, word, i, list) => (i % 2 ? all : { ...all, [list[i + 1]]: word }), {})
const byNumber = Object.fromEntries(Object.entries(names).map(([name, n]) => [n, name]))
const takes = new Set('PUSH JZ JNZ LOCAL.GET LOCAL.SET LOCAL.TEE CALL'.split(' '))

function parse(text) {
  const word = text.replace(/#.*/g, '').split(/\s+/).filter(Boolean)
  const code = []
  for (let i = 0; i < word.length; i++) {
    const byNum = /^\d/.test(word[i])
    const op = byNum ? byNumber[word[i]] : word[i].toUpperCase()
    code.push([op, byNum || takes.has(op) ? Number(word[++i]) | 0 : 0])
  }
  return code
}

const access = 'I32.LOAD LOAD8_U LOAD8_S LOAD16_U LOAD16_S I32.STORE STORE8 STORE16'.split(' ')

const popcount = (x) => (x ? (x & 1) + popcount(x >>> 1) : 0)
function divide(op, a, b) {
  if (b === 0) throw new Error('integer divide by zero')
  if (op === 'DIV_S' && a === -(2 ** 31) && b === -1) throw new Error('integer overflow')
  if (op === 'DIV_S') return (a / b) | 0
  if (op === 'REM_S') return (a % b) | 0
  return op === 'DIV_U' ? ((a >>> 0) / (b >>> 0)) | 0 : ((a >>> 0) % (b >>> 0)) | 0
}
const one = {
  EQZ: (a) => +(a === 0),
  CLZ: (a) => Math.clz32(a),
  CTZ: (a) => (a ? 31 - Math.clz32(a & -a) : 32),
  POPCNT: popcount,
  ABS: (a) => Math.abs(a) | 0,
  NEG: (a) => -a | 0,
}
const two = {
  ADD: (a, b) => (a + b) | 0,
  SUB: (a, b) => (a - b) | 0,
  MUL: Math.imul,
  EQ: (a, b) => +(a === b),
  NE: (a, b) => +(a !== b),
  LT_S: (a, b) => +(a < b),
  LT_U: (a, b) => +(a >>> 0 < b >>> 0),
  GT_S: (a, b) => +(a > b),
  GT_U: (a, b) => +(a >>> 0 > b >>> 0),
  LE_S: (a, b) => +(a <= b),
  LE_U: (a, b) => +(a >>> 0 <= b >>> 0),
  GE_S: (a, b) => +(a >= b),
  GE_U: (a, b) => +(a >>> 0 >= b >>> 0),
  AND: (a, b) => a & b,
  OR: (a, b) => a | b,
  XOR: (a, b) => a ^ b,
  SHL: (a, b) => a << b,
  SHR_S: (a, b) => a >> b,
  SHR_U: (a, b) => (a >>> b) | 0,
  ROTL: (a, b) => (a << b) | (b & 31 ? a >>> (32 - (b & 31)) : 0),
  ROTR: (a, b) => (b & 31 ? (a >>> b) | (a << (32 - (b & 31))) : a),
}
for (const op of ['DIV_S', 'DIV_U', 'REM_S', 'REM_U']) two[op] = (a, b) => divide(op, a, b)

function run(code) {
  const view = new DataView(new ArrayBuffer(16 * 65536))
  const stack = []
  const calls = [{ local: {} }]
  let top = 0
  const push = (x) => (stack[top++] = x | 0)
  const pop = () => {
    if (!top) throw new Error('stack underflow')
    return stack[--top]
  }
  const at = (n) => {
    const p = pop() >>> 0
    if (p + n > view.byteLength) throw new Error('out of bounds memory access')
    return p
  }
  for (let pc = 0; ; ) {
    if (pc >= code.length) throw new Error('unreachable')
    const [op, arg] = code[pc++]
    const { local } = calls.at(-1)
    if (one[op]) push(one[op](pop()))
    else if (two[op]) {
      const b = pop()
      push(two[op](pop(), b))
    } else if (op === 'PUSH') push(arg)
    else if (op === 'POP') pop()
    else if (op === 'DUP') push(stack[(pop(), top++)])
    else if (op === 'HALT') return top ? stack[top - 1] : 0
    else if (op === 'JZ' || op === 'JNZ') pc = (pop() === 0) === (op === 'JZ') ? arg >>> 0 : pc
    else if (op === 'SWAP' || op === 'ROT') {
      const c = pop()
      const b = pop()
      if (op === 'SWAP') (push(c), push(b))
      else {
        const a = pop()
        push(b)
        push(c)
        push(a)
      }
    } else if (op === 'OVER') {
      if (top < 2) throw new Error('stack underflow')
      push(stack[top - 2])
    } else if (op === 'SELECT') {
      const c = pop()
      const b = pop()
      const a = pop()
      push(c ? a : b)
    } else if (op === 'LOCAL.GET') push(local[arg] ?? 0)
    else if (op === 'LOCAL.SET') local[arg] = pop()
    else if (op === 'LOCAL.TEE') local[arg] = stack[top - 1]
    else if (op === 'I32.LOAD') push(view.getInt32(at(4), true))
    else if (op === 'LOAD8_U') push(view.getUint8(at(1)))
    else if (op === 'LOAD8_S') push(view.getInt8(at(1)))
    else if (op === 'LOAD16_U') push(view.getUint16(at(2), true))
    else if (op === 'LOAD16_S') push(view.getInt16(at(2), true))
    else if (/STORE/.test(op)) {
      const x = pop()
      if (op === 'STORE8') view.setUint8(at(1), x)
      else if (op === 'STORE16') view.setUint16(at(2), x, true)
      else view.setInt32(at(4), x, true)
    } else if (op === 'CALL') {
      calls.push({ local: {}, back: pc, top })
      pc = arg
    } else if (op === 'RETURN') {
      const x = pop()
      const c = calls.pop()
      top = c.top
      push(x)
      pc = c.back
    } else if (op === 'TRAP') throw new Error('unreachable')
    else if (op !== 'NOP') throw new Error(`no such opcode: ${op}`)
  }
}

// A main program and two functions of straight code, with a jump over a few words here and there.
function random(seed) {
  let state = seed * 2654435761 + 1
  const r = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 8) % n
  }
  const numbers = [0, 1, 2, 3, 7, 8, 31, 32, 33, 255, 256, 65535, 65536, 2147483647, -1, -2]
  const number = () => (r(3) ? numbers[r(numbers.length)] : r(2 ** 24) * 251 - 2 ** 31)
  const code = []
  const later = []
  function body(height, below, length) {
    const most = 12
    let h = height
    const emit = (op, arg) => code.push([op, arg])
    for (let i = 0; i < length; i++) {
      const has = h + below
      const k = r(12)
      if (has < 3 || (k < 3 && h < most)) {
        emit('PUSH', number())
        h++
      } else if (k < 6) {
        const op = Object.keys(two)[r(Object.keys(two).length)]
        if (/DIV|REM/.test(op) && r(8)) emit('PUSH', 1 + r(1000))
        else h--
        emit(op)
      } else if (k === 6) emit(Object.keys(one)[r(6)])
      else if (k === 7) {
        emit(['SWAP', 'ROT', 'NOP'][r(3)])
      } else if (k === 8) {
        const op = ['DUP', 'OVER'][r(2)]
        if (h < most) {
          emit(op)
          h++
        }
      } else if (k === 9) {
        const op = ['LOCAL.TEE', 'LOCAL.SET', 'LOCAL.GET'][r(3)]
        emit(op, r(4))
        h += op === 'LOCAL.GET' ? 1 : op === 'LOCAL.SET' ? -1 : 0
      } else if (k === 10) {
        emit('PUSH', r(64))
        const op = access[r(8)]
        if (/STORE/.test(op)) {
          emit('SWAP')
          h--
        } else h++
        emit(op)
      } else if (r(2)) {
        emit('SELECT')
        h -= 2
      } else if (below === 0 || r(3) === 0) {
        later.push(code.length)
        emit('CALL', r(2))
        h++
      } else {
        emit(['JZ', 'JNZ'][r(2)], code.length + 3)
        emit('NEG')
        emit('NOP')
        h--
      }
    }
    return h
  }
  body(0, 0, 40)
  code.push(['HALT'])
  const start = []
  for (let f = 0; f < 2; f++) {
    start.push(code.length)
    const calls = later.length
    body(0, 2, 12)
    for (const i of later.splice(calls)) code[i] = ['PUSH', 5]
    code.push(['RETURN'])
  }
  for (const i of later) code[i][1] = start[code[i][1]]
  return code.map(([op, arg]) => (takes.has(op) ? `${op} ${arg ?? 0}` : op)).join('\n')
}

if (process.argv[2] === '--random') console.log(random(Number(process.argv[3])))
else {
  try {
    console.log(run(parse(fs.readFileSync(process.argv[2], 'utf8'))))
  } catch (e) {
    console.log(e.message)
  }
}
