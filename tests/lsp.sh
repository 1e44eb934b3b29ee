#!/bin/bash
# usage: tests/lsp.sh BUILD-DIR
#
# twc lsp: conversations (tests/lsp/*.talk), questions without sense, and a client that
# dies without a word while the connection is held open by another process; and one with little
# memory (sanitizers want more: not with SLOW=1). What a client does that is not ours:
# tests/editors/.
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/.." || exit 2
node tests/lsp/talk.mjs "$bin/twc" tests/lsp/*.talk || exit 1
node tests/lsp/storm.mjs "$bin" 60 || exit 1

tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
if [ -z "${SLOW:-}" ]; then
	printf '#!/bin/sh\nulimit -v 150000\nexec "%s/twc" "$@"\n' "$bin" >"$tmp/twc"
	chmod +x "$tmp/twc"
	node tests/lsp/memory.mjs "$tmp/twc" || exit 1
fi
mkfifo "$tmp/in"
sleep 0.5 &
client=$!
exec 3<>"$tmp/in"
body="{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"processId\":$client}}"
printf 'Content-Length: %d\r\n\r\n%s' ${#body} "$body" >&3
timeout 20 "$bin/twc" lsp <"$tmp/in" >/dev/null
[ $? = 1 ] || { echo "the server outlives its client"; exit 1; }
