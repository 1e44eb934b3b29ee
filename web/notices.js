// The licence notices of what is inside the page.
import fs from 'fs'
import path from 'path'

const bundled = [
	'@codemirror/autocomplete',
	'@codemirror/commands',
	'@codemirror/language',
	'@codemirror/lint',
	'@codemirror/lsp-client',
	'@codemirror/search',
	'@codemirror/state',
	'@codemirror/view',
	'@lezer/common',
	'@lezer/highlight',
	'@marijn/find-cluster-break',
	'crelt',
	'style-mod',
	'w3c-keyname',
]

function notice(folder, name) {
	const { version, license } = JSON.parse(
		fs.readFileSync(path.join(folder, name, 'package.json'), 'utf8'),
	)
	const file = fs.readdirSync(path.join(folder, name)).find(f => /^licen[cs]e/i.test(f))
	const text = file ? fs.readFileSync(path.join(folder, name, file), 'utf8') : ''
	const holders = [
		...new Set([...text.matchAll(/^\s*Copyright .*$/gim)].map(m => m[0].trim())),
	]
	return `${name} ${version}, ${license}. ${holders.slice(0, 2).join(' ')}`
}

const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy of this
software and associated documentation files (the "Software"), to deal in the Software
without restriction, including without limitation the rights to use, copy, modify, merge,
publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons
to whom the Software is furnished to do so, subject to the following conditions: The above
copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND,
EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT
HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE
USE OR OTHER DEALINGS IN THE SOFTWARE.`

const bsd = `\
protobuf-c: Copyright (c) 2008-2022, Dave Benson and the protobuf-c authors.
Redistribution and use in source and binary forms, with or without modification, are
permitted provided that the following conditions are met: Redistributions of source
code must retain the above copyright notice, this list of conditions and the following
disclaimer. Redistributions in binary form must reproduce the above copyright notice,
this list of conditions and the following disclaimer in the documentation and/or other
materials provided with the distribution. THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT
HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES ARE DISCLAIMED.`

// Is the editor inside?
export const notices = (folder, editor) =>
	`The playground of tw. Licence: Apache-2.0. It has inside:

${bundled
	.filter(name => editor && fs.existsSync(path.join(folder, name)))
	.map(name => notice(folder, name))
	.join('\n')}
cJSON, MIT. Copyright (c) 2009-2017 Dave Gamble and cJSON contributors
wasi-libc, MIT (and musl: Copyright (c) 2005-2020 Rich Felker, et al.)

${mit}

${bsd}`.replace(/--+>?/g, '-')
