// usage: tmux capture-pane -ep | node tools/ansi-svg.mjs > picture.svg
//
// A terminal's text with its escapes as an SVG: one <text> a run of one style, each at
// its own place, so that no font can push the columns about.
import { readFileSync } from 'node:fs';

const W = 8.4,
	H = 18,
	PAD = 12; // of a character, and around all
const ansi = [
	'#24292f',
	'#cf222e',
	'#116329',
	'#7d4e00',
	'#0969da',
	'#8250df',
	'#1b7c83',
	'#6e7781',
];
const cube = n => [0, 95, 135, 175, 215, 255][n];
function colour256(n) {
	if (n < 16) return ansi[n % 8];
	if (n >= 232) return `rgb(${Array(3).fill(8 + 10 * (n - 232))})`;
	n -= 16;
	return `rgb(${cube(Math.floor(n / 36))},${cube(Math.floor(n / 6) % 6)},${cube(n % 6)})`;
}

// the style after the numbers of one escape
function change(style, codes) {
	for (let c; (c = codes.shift()) !== undefined;) {
		const long =
			c === 38 || c === 48
				? codes.shift() === 2
					? `rgb(${codes.splice(0, 3)})`
					: colour256(codes.shift())
				: null;
		if (c === 0) style = {};
		else if (c === 1) style = { ...style, bold: true };
		else if (c === 3) style = { ...style, italic: true };
		else if (c === 4) style = { ...style, under: true };
		else if (c === 22) style = { ...style, bold: false };
		else if (c === 23) style = { ...style, italic: false };
		else if (c === 24) style = { ...style, under: false };
		else if (c === 38) style = { ...style, fill: long };
		else if (c === 39) style = { ...style, fill: undefined };
		else if (c >= 30 && c < 38) style = { ...style, fill: ansi[c - 30] };
		else if (c >= 90 && c < 98) style = { ...style, fill: ansi[c - 90] };
	}
	return style;
}

const escape = s => s.replace(/[&<>]/g, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
const lines = readFileSync(0, 'utf8').replace(/\s+$/, '').split('\n');
let style = {},
	out = '',
	wide = 0;
lines.forEach((line, row) => {
	let column = 0;
	for (const [, codes, other, text] of line.matchAll(
		/\x1b\[([\d;:]*)m|(\x1b[^m]*?[A-Za-z])|([^\x1b]+)/g
	)) {
		if (codes !== undefined) style = change(style, codes.split(/[;:]/).map(Number));
		if (other || !text) continue;
		const lead = text.length - text.trimStart().length,
			shown = text.trim();
		if (shown)
			out +=
				`<text x="${(PAD + (column + lead) * W).toFixed(1)}"` +
				` y="${PAD + row * H + 13}"` +
				` textLength="${(shown.length * W).toFixed(1)}"` +
				(style.fill ? ` fill="${style.fill}"` : '') +
				(style.bold ? ' font-weight="bold"' : '') +
				(style.italic ? ' font-style="italic"' : '') +
				(style.under ? ' text-decoration="underline"' : '') +
				` xml:space="preserve">${escape(shown)}</text>\n`;
		column += text.length;
		wide = Math.max(wide, column - (text.length - text.trimEnd().length));
	}
});
const width = Math.ceil(2 * PAD + wide * W),
	height = 2 * PAD + lines.length * H;
const box = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
const fonts = `ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace`;
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" ${box}>
<rect width="100%" height="100%" rx="6" fill="#ffffff" stroke="#d0d7de"/>
<g font-family="${fonts}" font-size="14" fill="#24292f">
${out}</g>
</svg>
`);
