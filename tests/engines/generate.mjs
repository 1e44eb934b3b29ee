// usage: generate.mjs MODULES FOLDER PROMPTS     a folder of -o x.onnx/ in transformers.js
//
// Prints for each line of PROMPTS its ids and those that it goes on with, as generate() has them,
// at most as many as the context holds.
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, folder, prompts] = process.argv.slice(2);
const library = `${modules}/node_modules/@huggingface/transformers/dist/transformers.node.mjs`;
const { AutoTokenizer, AutoModelForCausalLM, env } = await import(pathToFileURL(library).href);
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const name = basename(folder);
const tokenizer = await AutoTokenizer.from_pretrained(name);
const model = await AutoModelForCausalLM.from_pretrained(name, { dtype: "fp32" });
const most = model.config.max_position_embeddings;

for (const line of readFileSync(prompts, "utf8").split("\n").filter((text) => text)) {
	const inputs = tokenizer(line);
	if (inputs.input_ids.dims[1] > most) continue;
	const length = Math.min(most, inputs.input_ids.dims[1] + 300);
	const out = await model.generate({ ...inputs, max_length: length });
	console.log(out.tolist()[0].slice(0, most).join(" "));
}
