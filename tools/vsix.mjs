// usage: node tools/vsix.mjs OUT.vsix [PAGE.html]
//
// The VS Code extension as one file, for `code --install-extension OUT.vsix`, with the playground
// inside where it is given. A .vsix is a zip archive (PKWARE's APPNOTE 6.3): the extension's
// folder, a manifest, and the types of its files.
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'

const [out, page] = process.argv.slice(2)
const folder = path.resolve(import.meta.dirname, '../lang/editors/vscode')
const about = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))

const filesIn = (under, name = '') =>
	fs
		.readdirSync(path.join(under, name), { withFileTypes: true })
		.flatMap(entry =>
			entry.isDirectory()
				? filesIn(under, path.join(name, entry.name))
				: [path.join(name, entry.name)],
		)

const types = `<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension=".json" ContentType="application/json"/>
<Default Extension=".js" ContentType="application/javascript"/>
<Default Extension=".html" ContentType="text/html"/>
<Default Extension=".vsixmanifest" ContentType="text/xml"/>
</Types>
`
const manifest = `<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
<Metadata>
<Identity Language="en-US" Id="${about.name}" Version="${about.version}"
 Publisher="${about.publisher}"/>
<DisplayName>${about.displayName}</DisplayName>
<Description>${about.description}</Description>
<Properties>
<Property Id="Microsoft.VisualStudio.Code.Engine" Value="${about.engines.vscode}"/>
</Properties>
</Metadata>
<Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
<Dependencies/>
<Assets>
<Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json"
 Addressable="true"/>
</Assets>
</PackageManifest>
`
const files = [
	['[Content_Types].xml', Buffer.from(types)],
	['extension.vsixmanifest', Buffer.from(manifest)],
	...filesIn(folder).map(f => [`extension/${f}`, fs.readFileSync(path.join(folder, f))]),
	...(page ? [['extension/playground.html', fs.readFileSync(page)]] : []),
]

// ---- the archive ----

function crc32(bytes) {
	let crc = ~0
	for (const byte of bytes) {
		crc ^= byte
		for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
	}
	return ~crc >>> 0
}

// Little-endian numbers of so many bytes each.
function numbers(...pairs) {
	const bytes = Buffer.alloc(pairs.reduce((sum, [size]) => sum + size, 0))
	let at = 0
	for (const [size, x] of pairs) at = bytes.writeUIntLE(x, at, size)
	return bytes
}

const parts = [],
	directory = []
let at = 0
for (const [name, bytes] of files) {
	const packed = zlib.deflateRawSync(bytes),
		named = Buffer.from(name)
	// version 2.0, UTF-8 names, deflate, 1 January 1980
	const common = numbers(
		[2, 20],
		[2, 0x800],
		[2, 8],
		[2, 0],
		[2, 0x21],
		[4, crc32(bytes)],
		[4, packed.length],
		[4, bytes.length],
		[2, named.length],
		[2, 0],
	)
	const local = [numbers([4, 0x04034b50]), common, named, packed]
	directory.push(
		numbers([4, 0x02014b50], [2, 20]),
		common,
		numbers([2, 0], [2, 0], [2, 0], [4, 0], [4, at]),
		named,
	)
	parts.push(...local)
	at += local.reduce((sum, b) => sum + b.length, 0)
}
const size = directory.reduce((sum, b) => sum + b.length, 0)
const end = numbers(
	[4, 0x06054b50],
	[2, 0],
	[2, 0],
	[2, files.length],
	[2, files.length],
	[4, size],
	[4, at],
	[2, 0],
)
fs.writeFileSync(out, Buffer.concat([...parts, ...directory, end]))
