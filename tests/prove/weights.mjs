// The weights of an .onnx file by their names, and where they stand in it.

function* messages(bytes, from, to) {
	let at = from;
	const varint = () => {
		let x = 0,
			scale = 1,
			byte;
		do {
			byte = bytes[at++];
			x += (byte & 127) * scale;
			scale *= 128;
		} while (byte & 128);
		return x;
	};
	while (at < to) {
		const tag = varint(),
			field = Math.floor(tag / 8);
		if (tag % 8 === 0) {
			yield { field, value: varint() };
		} else {
			const size = varint();
			yield { field, from: at, to: at + size };
			at += size;
		}
	}
}

export function tensors(bytes) {
	const all = {};
	for (const graph of messages(bytes, 0, bytes.length)) {
		if (graph.field !== 7) continue;
		for (const t of messages(bytes, graph.from, graph.to)) {
			if (t.field !== 5) continue;
			const tensor = { dims: [] };
			for (const f of messages(bytes, t.from, t.to)) {
				if (f.field === 1 && f.from === undefined)
					tensor.dims.push(f.value);
				else if (f.field === 1) {
					let at = f.from;
					while (at < f.to) {
						let x = 0,
							scale = 1,
							byte;
						do {
							byte = bytes[at++];
							x += (byte & 127) * scale;
							scale *= 128;
						} while (byte & 128);
						tensor.dims.push(x);
					}
				} else if (f.field === 2) tensor.type = f.value;
				else if (f.field === 8)
					tensor.name = bytes.subarray(f.from, f.to).toString();
				else if (f.field === 9) [tensor.at, tensor.end] = [f.from, f.to];
			}
			if (tensor.type === 1 && tensor.dims.length) all[tensor.name] = tensor;
		}
	}
	for (const t of Object.values(all)) {
		t.data = new Float64Array((t.end - t.at) / 4);
		for (let i = 0; i < t.data.length; i++) t.data[i] = bytes.readFloatLE(t.at + 4 * i);
	}
	return all;
}
