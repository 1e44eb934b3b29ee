#!/bin/bash
# usage: tests/editors/run.sh BUILD-DIR
#
# The editors' files, in the editors: what needs one of them, or tree-sitter, to be
# installed (make test-editors does that). Each check is a function; ends in
# "N passed, N failed".
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
export PATH=$bin:$PATH
shopt -s nullglob
programs=(examples/*.tw stdlib/*.tw tests/{lang,ops,passes,err}/*.tw)

# The lists that make editors writes are those of the language as it is.
check_words() { node tools/editors.mjs --check; }

# tree-sitter and twc refuse the same texts, of all programs here, of random ones and of
# programs with faults in them. Mistakes in bytes and numbers are no matter of grammar.
no_grammar='not UTF-8|NUL byte|neither a number nor a name|not fit in 64 bits'
no_grammar="$no_grammar|nests too deeply|code of a character"
check_treesitter_agrees() {
	local f twc ts
	for ((i = 1; i <= ${FUZZ:-300}; i++)); do
		"$bin/fuzz/mutate" $i "${programs[@]}" >"$tmp/mutant$i.tw"
	done
	for ((i = 1; i <= 100; i++)); do
		"$bin/fuzz/programs" --show $i >"$tmp/random$i.tw" && [ -s "$tmp/random$i.tw" ] ||
			echo "no random program"
	done
	for f in "${programs[@]}" "$tmp"/random*.tw "$tmp"/mutant*.tw; do
		"$bin/twc" fmt - <"$f" >/dev/null 2>"$tmp/err"; twc=$?
		grep -qE "$no_grammar" "$tmp/err" && continue
		"$bin/editors/treesitter" "$f" >"$tmp/out"; ts=$?
		[ $((twc != 0)) = $ts ] && continue
		echo "$(cat "$tmp/out"), but twc says: $(head -n 2 "$tmp/err")"
		cat "$f" >"$bin/editors/disagreed.tw"
	done
}
check_treesitter_corpus() {
	node tests/editors/corpus.mjs "$bin/editors/treesitter" \
		lang/editors/tree-sitter/test/corpus/*.txt
}
check_treesitter_queries() {
	local q
	for q in lang/editors/tree-sitter/queries/*.scm; do
		"$bin/editors/treesitter" --query "$q" examples/calculator.tw >"$tmp/captures" ||
			echo "$q is refused"
		[ -s "$tmp/captures" ] || echo "$q captures nothing"
	done
}

# The editors themselves, or their side of the protocol, with the server.
check_vscode() {
	cp -r lang/editors/vscode "$tmp/tw"             # as a user would, into ~/.vscode/extensions
	node tests/editors/vscode.mjs "$tmp/tw" "$bin/twc"
}
# As one file: an archive that unpacks, with all that its package.json speaks of, and the page.
check_vsix() {
	echo '<!doctype html>' >"$tmp/page.html"
	node tools/vsix.mjs "$tmp/tw.vsix" "$tmp/page.html" &&
		python3 -m zipfile -t "$tmp/tw.vsix" >/dev/null &&
		python3 -m zipfile -e "$tmp/tw.vsix" "$tmp/vsix" || echo "it does not unpack"
	diff -r lang/editors/vscode "$tmp/vsix/extension" | grep -v 'extension: playground.html$'
	cmp "$tmp/page.html" "$tmp/vsix/extension/playground.html"
	grep -q 'Version="[0-9.]*"' "$tmp/vsix/extension.vsixmanifest" ||
		echo "the manifest names no version"
	grep -oE '"(path|main|configuration)": "[^"]+"' "$tmp/vsix/extension/package.json" |
		sed 's/.*: "\(.*\)"/\1/' | while read -r file; do
			[ -f "$tmp/vsix/extension/$file" ] || echo "$file is not in it"
		done
}
check_neovim() {
	timeout 120 nvim --headless -u NONE --cmd 'set rtp^=lang/editors/vim' \
		-c 'luafile tests/editors/nvim.lua' 2>&1 </dev/null
}
check_neovim_dies() {
	local pid
	nvim --headless -u NONE --cmd 'set rtp^=lang/editors/vim | filetype plugin on' \
		examples/calculator.tw </dev/null >/dev/null 2>&1 &
	pid=$!
	for _ in {1..100}; do pgrep -P $pid -f 'twc lsp' >"$tmp/server" && break; sleep 0.1; done
	[ -s "$tmp/server" ] || { echo "Neovim did not start the server"; kill $pid; return; }
	kill -KILL $pid
	for _ in {1..100}; do
		kill -0 "$(cat "$tmp/server")" 2>/dev/null || return 0
		sleep 0.1
	done
	echo "the server outlives Neovim"
	kill "$(cat "$tmp/server")"
}

# The shells read what completes for them, and the manual pages are without complaints.
check_shells() {
	local p
	for p in twc twrun; do
		"$p" --completions=bash | bash -n
		"$p" --completions=zsh | zsh -n /dev/stdin
		"$p" --completions=fish >"$tmp/$p.fish" && fish --no-execute "$tmp/$p.fish"
		"$p" --man | groff -man -ww -Tutf8 -K utf8 >/dev/null
	done
	offer() { fish -c "source '$tmp/twc.fish'; complete -C '$1'" | cut -f 1; }
	[ "$(offer 'twc repo')" = report ] || echo "fish does not complete a verb"
	[ "$(offer 'twc report --j')" = --json ] || echo "fish does not complete an option"
	twc --completions=zsh >"$tmp/_twc"
	[ "$(zsh tests/editors/complete.zsh "$tmp" 'twc repo')" = report ] ||
		echo "zsh does not complete a verb"
	[ "$(zsh tests/editors/complete.zsh "$tmp" 'twc report --j')" = --json ] ||
		echo "zsh does not complete an option"
}

passed=0 failed=0
for check in $(declare -F | sed -n 's/^declare -f \(check_.*\)/\1/p'); do
	why=$($check 2>&1) status=$?
	if [ "$why" ] || [ $status != 0 ]; then
		failed=$((failed + 1))
		echo "FAIL ${check#check_}"
		printf '%s\n' "$why" | head -n 40 | sed 's/^/     /'
	else
		passed=$((passed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
