#!/bin/bash
# usage: tests/architecture.sh BUILD-DIR
#
# ARCHITECTURE.md says what is true: every ```console block of it is run, and prints what
# stands there; every file and folder that it names exists; every source file of the stages
# is named.
#
#     $ twc --dump=schedule examples/adder.tw      a command, run from the top folder
#     layer 0: ...                                 lines that it prints, in this order
#     …                                            any number of lines, none included
cd "$(dirname "$0")/.." || exit 2
page=ARCHITECTURE.md
bin=$(cd "$1" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

complain() {
	echo "$page:$1"
	failed=1
}

# ---- the commands: one file for each, of its number of the line, itself, and what it prints ----

awk -v dir="$tmp" '
	/^```console$/ { inside = 1; next }
	/^```/ { inside = 0; name = "" }
	inside && /^\$ / {
		name = sprintf("%s/%05d", dir, NR)
		print substr($0, 3) > (name ".cmd")
		next
	}
	inside && name { print > (name ".want") }' $page

ls "$tmp"/*.cmd >"$tmp/commands" 2>/dev/null || complain "1: no command is shown"
while read -r cmd; do
	line=$((10#$(basename "$cmd" .cmd)))
	touch "${cmd%.cmd}.want"
	PATH=$bin:$PATH timeout 60 bash -c "$(cat "$cmd")" >"$tmp/got" 2>&1 </dev/null
	awk -v got="$tmp/got" '
		BEGIN { while ((getline l < got) > 0) out[++n] = l; at = 1 }
		$0 == "…" { any = 1; next }
		{
			while (any && at <= n && out[at] != $0) at++
			if (at > n || out[at] != $0) {
				print "not printed: " $0
				if (!any && at <= n) print "   but this: " out[at]
				exit 1
			}
			at++
			any = 0
		}
		END { if (!any && at <= n) { print "printed too: " out[at]; exit 1 } }' \
		"${cmd%.cmd}.want" >"$tmp/why" ||
		complain "$line: $(cat "$cmd"): $(cat "$tmp/why")"
done <"$tmp/commands"

# ---- the files ----

grep -noE '`[a-z_/.-]+/([a-z_.-]+)?`' $page | sed 's/`//g' |
while IFS=: read -r line name; do
	case $name in
	*/) [ -d "$name" ] ;;
	*)  [ -e "$name" ] ;;
	esac || echo "$line: there is no $name"
done >"$tmp/missing"
git ls-files 'lang/*.c' 'frontend/*.[cly]' 'ir/*.c' 'tensor/*.c' 'backend/*.c' 'runtime/*.c' \
	2>/dev/null |
	grep -v '^lang/editors' | while read -r file; do
	grep -qF "$(basename "$file")" $page || echo "1: $file is not named"
done >>"$tmp/missing"
while read -r why; do complain "$why"; done <"$tmp/missing"
exit $failed
