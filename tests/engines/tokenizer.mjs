// usage: tokenizer.mjs MODULES FOLDER PROMPTS     a folder's tokenizer in HuggingFace's own library
//
// Prints, for each line of PROMPTS, its ids, a space between; the text they come back as is
// compared with the line. The last line printed is that of a text with a character that is no
// token.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, folder, prompts] = process.argv.slice(2);
const { Tokenizer } = createRequire(`${modules}/`)("@huggingface/tokenizers");
const read = (name) => JSON.parse(readFileSync(`${folder}/${name}`, "utf8"));
const tokenizer = new Tokenizer(read("tokenizer.json"), read("tokenizer_config.json"));

const lines = readFileSync(prompts, "utf8").split("\n").filter((line) => line);
for (const line of lines) {
	const ids = tokenizer.encode(line).ids;
	const text = tokenizer.decode(ids, { skip_special_tokens: true });
	if (text !== line) {
		console.log(`'${line}' comes back as '${text}'`);
		process.exit(1);
	}
	console.log(ids.join(" "));
}
console.log(tokenizer.encode("☃").ids.join(" "));
