#!/bin/bash
# usage: tests/hostile/fuzz.sh BUILD-DIR FUZZ-BUILD-DIR MINUTES
#
# Each fuzzer for so many minutes, one after the other, under ASan and UBSan; what it
# finds worth keeping goes to FUZZ-BUILD-DIR/corpus and is where the next run starts.
# Prints how many inputs there were; a crash, a leak, a minute on one input or 2 GB
# of memory is a failure, and the input is kept.
bin=$(cd "$1" && pwd) && fuzz=$(cd "$2" && pwd) || exit 2
minutes=$3
cd "$(dirname "$0")/../.." || exit 2
corpus=$fuzz/corpus
mkdir -p "$corpus"/{models,file,prompt,source,proof} "$fuzz/found" || exit 2
make -s parts BUILD="$bin" >/dev/null || exit 2
tests/hostile/models.sh "$bin" "$corpus/models" || exit 2
cp "$corpus"/models/*.{onnx,safetensors} "$corpus/file"
cp "$corpus"/models/*.{onnx,safetensors} "$corpus/proof"
cp "$corpus"/models/prompts/* "$corpus/prompt"
for source in examples/*.tw examples/learned/*.tw tests/{lang,err,learned}/*.tw; do
	case $source in *wide*|*32*|*machine*) continue ;; esac # large: seconds under sanitizers
	cp "$source" "$corpus/source/${source//\//-}"
done
cat examples/*.tw stdlib/*.tw | grep -v '^#' | grep -oE '[a-z_]+|[^a-z_0-9 "\\]{1,3}' | sort -u |
	awk '{ print "\"" $0 "\"" }' >"$fuzz/words"
export TW_MODELS=$(printf '%s\n' "$corpus"/models/*.onnx) TW_STDLIB=$PWD/stdlib
export ASAN_OPTIONS=allocator_may_return_null=1
failed=0

for target in ${ONLY:-file prompt source proof}; do
	most=200000
	[ $target = prompt ] && most=2000
	[ $target = source ] && most=20000
	words=
	[ $target = source ] && words=-dict=$fuzz/words
	nice "$fuzz/hostile/$target" -max_total_time=$((minutes * 60)) -timeout=60 \
		-rss_limit_mb=2048 -max_len=$most -len_control=0 -print_final_stats=1 \
		-artifact_prefix="$fuzz/found/$target-" ${words:+"$words"} "$corpus/$target" \
		>"$fuzz/$target.log" 2>&1
	status=$?
	inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$fuzz/$target.log")
	if [ $status = 0 ]; then
		echo "$target: $inputs inputs in $minutes minutes, none did harm"
	else
		echo "$target: failed after ${inputs:-?} inputs, see $fuzz/$target.log"
		grep -E '^(SUMMARY|==.*ERROR|artifact_prefix)' "$fuzz/$target.log" | head -n 5
		failed=1
	fi
done
exit $failed
