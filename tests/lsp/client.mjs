// The client's side of a language server's connection.
import { spawn } from 'node:child_process';

export class Client {
	constructor(twc) {
		this.child = spawn(twc, ['lsp'], { stdio: ['pipe', 'pipe', 'inherit'] });
		this.data = Buffer.alloc(0);
		this.id = 0;
		this.answers = new Map(); // id -> who waits
		this.onMessage = () => {}; // what nobody waits for by its id
		this.exit = new Promise(done =>
			this.child.on('exit', (code, signal) => done(signal ?? code))
		);
		this.child.stdin.on('error', () => {});
		this.child.stdout.on('data', data => this.take(data));
	}
	take(data) {
		this.data = Buffer.concat([this.data, data]);
		for (
			let m;
			(m = /^Content-Length: (\d+)\r\n\r\n/.exec(
				this.data.subarray(0, 40).toString('latin1')
			));
		) {
			const end = m[0].length + Number(m[1]);
			if (this.data.length < end) return;
			const message = JSON.parse(this.data.subarray(m[0].length, end));
			this.data = this.data.subarray(end);
			const waits = this.answers.get(message.id) ?? this.onMessage;
			this.answers.delete(message.id);
			waits(message);
		}
	}
	raw(bytes) {
		this.child.stdin.write(bytes);
	}
	send(message) {
		const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
		this.raw(`Content-Length: ${body.length}\r\n\r\n`);
		this.raw(body);
	}
	notify(method, params) {
		this.send({ method, params });
	}
	ask(method, params) {
		return new Promise(done => {
			this.answers.set(++this.id, done);
			this.send({ id: this.id, method, params });
		});
	}
	start() {
		return this.ask('initialize', { processId: process.pid, capabilities: {} });
	}
}
