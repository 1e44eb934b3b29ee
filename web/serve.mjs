// Serves the pages, compressed, to this machine and its network.
import fs from 'fs'
import http from 'http'
import path from 'path'
import zlib from 'zlib'

const packed = name =>
	zlib.brotliCompressSync(
		fs.readFileSync(path.resolve(import.meta.dirname, '../build-web/page', name)),
	)
const page = packed('playground.html'),
	pages = new Map([['/machine.html', packed('machine.html')]]),
	port = Number(process.env.PORT ?? 8000)

http.createServer((request, response) => {
	response.writeHead(200, {
		'content-type': 'text/html; charset=utf-8',
		'content-encoding': 'br',
	})
	response.end(request.method === 'HEAD' ? undefined : (pages.get(request.url) ?? page))
}).listen(port, () =>
	console.log(
		`http://localhost:${port} (${Math.round(page.length / 1000)} KB); Ctrl+C ends it`,
	),
)
