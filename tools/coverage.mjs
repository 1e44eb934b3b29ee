// usage: node tools/coverage.mjs BUILD-DIR
//
// Which lines the tests have run, by folder, from what a build with --coverage has counted
// (make coverage); then the functions that were never run. What has the name of an
// operator's four parts (eval_, emit_, type_, range_) and was never run is a failure.

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

const build = process.argv[2];
const below = folder =>
	readdirSync(folder, { withFileTypes: true }).flatMap(entry =>
		entry.isDirectory() ? below(join(folder, entry.name)) : [join(folder, entry.name)]
	);
const counts = below(build).filter(name => name.endsWith('.gcda'));

// A file's lines and functions may be in several objects, as a header's are.
const files = new Map();
const most = (map, key, count) => map.set(key, Math.max(map.get(key) ?? 0, count));
const options = ['--json-format', '--stdout'];
for (let i = 0; i < counts.length; i += 50) {
	const said = execFileSync('gcov', [...options, ...counts.slice(i, i + 50)], {
		encoding: 'utf8',
		maxBuffer: 1 << 30,
		stdio: ['ignore', 'pipe', 'ignore'],
	});
	for (const object of said.split('\n').filter(Boolean))
		for (const { file, lines, functions } of JSON.parse(object).files) {
			if (/^(\/|build|tests\/|bench\/|examples\/)/.test(file.replace(/^\.\//, ''))) continue;
			const own = files.get(file) ?? { lines: new Map(), functions: new Map() };
			files.set(file, own);
			lines.forEach(l => most(own.lines, l.line_number, l.count));
			functions.forEach(f => most(own.functions, f.name, f.execution_count));
		}
}

const folders = new Map();
for (const [file, { lines }] of files) {
	const sum = folders.get(dirname(file)) ?? { all: 0, run: 0 };
	folders.set(dirname(file), sum);
	sum.all += lines.size;
	sum.run += [...lines.values()].filter(Boolean).length;
}
const row = (name, { all, run }) =>
	console.log(
		name.padEnd(24),
		String(all).padStart(7),
		((100 * run) / all).toFixed(1).padStart(6),
		'%'
	);
console.log('folder                     lines    run');
[...folders].sort(([a], [b]) => (a < b ? -1 : 1)).forEach(([name, sum]) => row(name, sum));
const total = { all: 0, run: 0 };
folders.forEach(({ all, run }) => {
	total.all += all;
	total.run += run;
});
row('all', total);

const never = [...files].flatMap(([file, { functions }]) =>
	[...functions].filter(([, n]) => !n).map(([name]) => `${file}: ${name}`)
);
console.log(`functions never run: ${never.length}`);
never.sort().forEach(name => console.log(`  ${name}`));
process.exitCode = never.some(name => / (eval|emit|type|range)_/.test(name)) ? 1 : 0;
