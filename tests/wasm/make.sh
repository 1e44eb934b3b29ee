#!/bin/bash
# usage: tests/wasm/make.sh
#
# Makes the .wasm files of this folder again, with clang, wasm-ld and wabt: compiled and linked in
# two steps, since clang as the linker would let wasm-opt change them where it is installed.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for c in $(grep -l world.h ./*.c); do # mandelbrot.c needs wasi-libc
	clang --target=wasm32 -O2 -ffreestanding -fno-builtin -nostdlib -c "$c" -o "$tmp/o"
	wasm-ld --no-entry --export=main --allow-undefined --strip-all "$tmp/o" -o "${c%.c}.wasm"
done
wat2wasm traps.wat -o traps.wasm
wast2json own.wast -o own.json
