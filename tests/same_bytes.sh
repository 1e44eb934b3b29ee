#!/bin/bash
# usage: tests/same_bytes.sh BUILD-DIR OTHER-BUILD-DIR...
#
# Every build of twc writes the same files: each program is compiled by the first one
# and by each of the others, and the models and reports (times aside) are compared byte
# by byte. The builds are those of `make same-bytes`: another compiler, no optimization, a
# size_t of 32 bits. What makes them differ is an order of evaluation that C leaves open,
# an order of addresses or of equal keys, memory that nobody has set, or arithmetic in
# another precision.
#
# Prints what differs, and "N of N differ" for the examples (their models and reports),
# then for the programs of tests/lang and tests/ops (their models).
cd "$(dirname "$0")/.." || exit 2

# Fresh memory is full of PERTURB, so that what nobody has set differs.
compile() { # compile PROGRAM BUILD PERTURB: into $out/PROGRAM/BUILD
	local dir=$out/$1/$2
	mkdir -p "$dir"
	export MALLOC_PERTURB_=$3
	"$2/twc" "$1" -o "$dir/model.onnx" >"$dir/log" 2>&1
	case $1 in
	examples/*)
		"$2/twc" report --json "$1" 2>&1 | sed 's/"compile_ms":[^,]*//' >"$dir/report" ;;
	esac
}

if [ "$1" = --job ]; then
	program=$2
	shift 2
	perturb=0
	for build; do
		compile "$program" "$build" $((perturb += 40))
		diff -rq "$out/$program/$1" "$out/$program/$build" >/dev/null ||
			echo "$program: $build differs from $1"
	done
	exit 0
fi

[ $# -ge 2 ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
for build; do
	[ -x "$build/twc" ] || { echo "$build/twc is not there" >&2; exit 2; }
done
out=$(mktemp -d) || exit 2
trap 'rm -rf "$out"' EXIT
export out

failed=0
compare() { # compare WHAT PROGRAM...
	local what=$1
	shift
	printf '%s\0' "$@" | xargs -0 -P "$(nproc)" -I PROGRAM \
		"$0" --job PROGRAM "${builds[@]}" >"$out/differ"
	LC_ALL=C sort "$out/differ"
	echo "$what: $(cut -d: -f1 "$out/differ" | sort -u | wc -l) of $# differ"
	[ -s "$out/differ" ] && failed=1
}
builds=("$@")
compare examples examples/*.tw
compare "test programs" tests/lang/*.tw tests/ops/*.tw
exit $failed
