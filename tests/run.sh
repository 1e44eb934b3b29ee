#!/bin/bash
# usage: tests/run.sh BUILD-DIR [FILE.tw...]   or FILE.twg, the text of a graph
#
# Runs every test, or the .tw files given, and ends in "N passed, N failed".
# A .tw test carries its own expectations:
#
#   # RUN: twc run %s "1+2="   the command; %s is the file, %t a folder of its own.
#                              The default is: twc test %s
#   ... # WARNING: text        the same for a warning; in the files that have one, in
#                              examples/ and in stdlib/ there is no other
#   # EXPECT: text             next line of standard output, compared whole
#   ... # ERROR: text          this line gets an error that contains text; one
#                              ERROR for each error, several on a line if need be
#   # STATUS: 1                exit status, if not 0 (or 2 where there is an ERROR)
#
# BLESS=1 rewrites the EXPECT lines from what was printed. JOBS=n runs n at once.
# LIMIT=n gives each test n seconds, a script four times that, where 60 are too few.
# The library's examples, unit tests (tests/unit), whole compilations, the manual's
# examples and the comparisons with ONNX Runtime are jobs of the same list.

here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here" || exit 2
limit=${LIMIT:-60}

# Errors (or warnings), as "line: text"; wanted ones match by line and by containment.
diagnostics() {
	local kind=$1 mark=$2
	awk -v mark="# $mark: " '{
		n = split($0, part, mark)
		for (i = 2; i <= n; i++) {
			sub(/ *# [A-Z]+: .*/, "", part[i])
			sub(/[ \t]+$/, "", part[i])
			print NR ": " part[i]
		}
	}' "$t" >"$tmp/want.$kind"
	awk -v file="$t:" -v kind=": $kind: " '(at = index($0, kind)) {
		place = substr($0, 1, at - 1)
		if (index(place, file) == 1) {
			split(substr(place, length(file) + 1), n, ":")
			place = n[1]
		}
		print place ": " substr($0, at + length(kind))
	}' "$tmp/err" >"$tmp/got.$kind"
	awk -v got="$tmp/got.$kind" -v kind="$kind" '
		function line_of(s) { sub(/: .*/, "", s); return s }
		function text_of(s) { return substr(s, length(line_of(s)) + 3) }
		BEGIN { while ((getline s < got) > 0) error[++n] = s }
		{
			for (i = 1; i <= n; i++)
				if (line_of(error[i]) == line_of($0) &&
				    index(text_of(error[i]), text_of($0))) {
					error[i] = ""
					next
				}
			print "no such " kind ": " $0
		}
		END {
			for (i = 1; i <= n; i++)
				if (error[i] != "")
					print "unexpected " kind ": " error[i]
		}' "$tmp/want.$kind"
}

# ---- one job: prints what is wrong, nothing if all is well ----

golden() {
	local t=$1 cmd status want run
	cmd=$(sed -n 's|^# RUN: ||p' "$t" | head -n 1)
	run=$cmd
	cmd=${cmd:-twc test %s}
	cmd=${cmd//%s/$t}
	cmd=${cmd//%t/$tmp}
	PATH=$bin:$PATH timeout $limit sh -c "$cmd" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?

	if [ "${BLESS:-}" ] && grep -q '^# EXPECT: ' "$t"; then
		sed '/^# EXPECT:/d' "$t" >"$tmp/new"
		sed 's|^|# EXPECT: |' "$tmp/out" >>"$tmp/new"
		cmp -s "$tmp/new" "$t" || { cp "$tmp/new" "$t"; echo "blessed $t" >&2; }
		return
	fi

	diagnostics error ERROR
	case $t in examples/* | stdlib/*) diagnostics warning WARNING ;;
	*) grep -q '# WARNING: ' "$t" && diagnostics warning WARNING ;;
	esac

	if [ "$run" ] || grep -q '^# EXPECT: ' "$t"; then
		sed -n 's|^# EXPECT: \{0,1\}||p' "$t" |
			diff -u --label wanted --label printed - "$tmp/out"
	elif [ $status = 0 ] && ! [ -s "$tmp/want.error" ] &&
		! grep -q '^[1-9][0-9]* passed' "$tmp/out"; then
		echo "this file tests nothing"
	fi

	want=$(sed -n 's|^# STATUS: ||p' "$t" | head -n 1)
	[ "$want" ] || { want=0; [ -s "$tmp/want.error" ] && want=2; }
	if [ $status != "$want" ]; then
		echo "exit status $status, not $want: $cmd"
		[ "$run" ] || head -n 20 "$tmp/out"
		head -n 20 "$tmp/err"
	fi
}

# An example compiles to the same bytes twice, in both kinds of file, and the
# checker of ONNX accepts the model.
files() {
	local e=$1 kind
	for kind in onnx safetensors; do
		mkdir -p "$tmp/1" "$tmp/2"
		"$bin/twc" "$e" -o "$tmp/1/m.$kind" && "$bin/twc" "$e" -o "$tmp/2/m.$kind" || return
	done
	diff -r "$tmp/1" "$tmp/2" || return
	[ ! -x "$bin/model/check" ] || "$bin/model/check" "$tmp/1/m.onnx" 2>&1 >/dev/null
}

# A program or script: what it said last, if it fails.
program() { # program SECONDS COMMAND...
	timeout "$@" >"$tmp/log" 2>&1 && return
	local status=$?
	tail -n 30 "$tmp/log"
	[ $status != 124 ] || echo "not done in $1 s"
	return $status
}

job() {
	case $1 in
	golden:*) golden "${1#*:}" ;;
	files:*)  files "${1#*:}" ;;
	unit:*)   program $limit "${1#*:}" ;;
	script:*) program $((4 * limit)) "${1#*:}" "$bin" ;;
	esac
}

if [ "$1" = --job ]; then
	bin=$2
	tmp=$(mktemp -d) || exit 2
	trap 'rm -rf "$tmp"' EXIT
	why=$(job "$3" 2>&1) || why=${why:-it fails without a word}
	name=${3#*:}
	case $3 in files:*) name="$name (compiled twice)" ;; esac
	if [ "$why" ]; then
		printf 'FAIL %s\n%s\n' "${name#"$here"/}" "$(sed 's/^/     /' <<<"$why")"
	else
		printf 'ok   %s\n' "${name#"$here"/}"
	fi
	exit 0
fi

# ---- the list: every script of tests/ and of its folders is on it, but those apart ----

longest=(differential/run.sh model/run.sh fuzz/run.sh spec.sh bounds/run.sh hostile/run.sh cli.sh)
# Targets of their own:
apart=(run.sh bare.sh same_bytes.sh editors/run.sh engines/run.sh exhaustive/run.sh
	prove/mutants.sh)

bin=$(cd "$1" && pwd) || exit 2
shift
shopt -s nullglob
if [ $# -gt 0 ]; then
	jobs=("${@/#/golden:}")
else
	# The longest first, so that the last core is not kept waiting.
	jobs=()
	for s in "${longest[@]}"; do jobs+=("script:$here/tests/$s"); done
	for s in tests/*.sh tests/*/run.sh; do
		s=${s#tests/}
		[[ " ${longest[*]} ${apart[*]} " = *" $s "* ]] || jobs+=("script:$here/tests/$s")
	done
	[ "${BLESS:-}" ] && jobs=()
	for t in examples/*.tw; do jobs+=("golden:$t" "files:$t"); done
	for t in examples/learned/*.tw; do jobs+=("golden:$t"); done
	for t in stdlib/*.tw; do jobs+=("golden:$t"); done
	for t in tests/{lang,bounds,err,dump,walls,wasm,learned}/*.tw tests/{lang,err,passes}/*.twg; do
		jobs+=("golden:$t")
	done
	for t in tests/unit/*.c; do u=${t##*/}; jobs+=("unit:$bin/unit/${u%.c}"); done
fi

log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
printf '%s\0' "${jobs[@]}" |
	xargs -0 -n 1 -P "${JOBS:-$(nproc)}" "$here/tests/run.sh" --job "$bin" >"$log"
grep -v '^ok ' "$log"
awk -v want=${#jobs[@]} '
	/^ok / { ok++ } /^FAIL / { bad++ }
	END { bad += want - ok - bad    # a job that vanished has failed
	      printf "%d passed, %d failed\n", ok, bad
	      exit bad > 0 || !ok }' "$log"
