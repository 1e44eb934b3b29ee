#!/bin/sh
# usage: tests/editors.sh BUILD-DIR
#
# The editors' word lists are those of the language, and their JSON is JSON. What
# needs an editor to be installed is in tests/editors/ (make test-editors).
cd "$(dirname "$0")/.." || exit 2
node tools/editors.mjs --check || exit 1
for f in lang/editors/vscode/*.json lang/editors/vscode/*/*.json; do
	node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$f" ||
		{ echo "$f: no JSON"; exit 1; }
done
