// usage: node tests/editors/corpus.mjs TREESITTER FILE.txt...
//
// Runs tree-sitter's corpus tests: a name between lines of =, a text, a line of -, its
// tree. BLESS=1 writes the trees.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [tool, ...files] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), 'corpus-'));
let failed = 0;

// one node a line, fields before it, indented by depth
function pretty(tree) {
	let depth = 0,
		out = '',
		m;
	const part = /\s*(\w+:)?\s*(\()|\s*(\))|\s*([^\s()]+)/g;
	while ((m = part.exec(tree)) && m[0])
		if (m[2]) out += `${out && '\n'}${'  '.repeat(depth++)}${m[1] ? m[1] + ' ' : ''}(`;
		else if (m[3]) (depth--, (out += ')'));
		else out += out.endsWith('(') ? m[4] : ` ${m[4]}`;
	return out;
}
for (const file of files) {
	let made = '';
	for (const [, name, text, tree] of readFileSync(file, 'utf8').matchAll(
		/===\n(.*)\n===\n([\s\S]*?)---\n([\s\S]*?)(?=\n*===\n.*\n===\n|$(?![\s\S]))/g
	)) {
		writeFileSync(join(dir, 'x.tw'), text);
		const got = pretty(
			execFileSync(tool, ['--tree', join(dir, 'x.tw')], {
				encoding: 'utf8',
			}).trim()
		);
		made += `===\n${name}\n===\n${text}---\n${got}\n`;
		if (!process.env.BLESS && got !== tree.trim()) {
			console.log(`${file}: ${name}: the tree is\n${got}`);
			failed = 1;
		}
	}
	if (process.env.BLESS) writeFileSync(file, made);
}
rmSync(dir, { recursive: true });
process.exit(failed);
