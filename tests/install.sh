#!/bin/bash
# usage: tests/install.sh BUILD-DIR
#
# `make install`, under a PREFIX of its own and under DESTDIR: the programs work from
# there, and examples/c builds with what pkg-config says, shared and static; programs,
# library, manual pages and pkg-config are of one version. `make uninstall` leaves
# nothing of it, and nothing else is touched. TEST_CFLAGS are those that link with what
# BUILD-DIR was compiled with.
build=$1
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
soname=$(sed -n "s/^SONAME *:= //p" Makefile)
unset MAKEFLAGS MAKELEVEL MFLAGS

fail() { echo "$*"; failed=1; }
run() { make -s "$@" BUILD="$build" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }; }
files() { (cd "$1" && find . | LC_ALL=C sort); }

usr=$tmp/usr
mkdir -p "$usr/share/man" "$usr/bin"
echo mine >"$usr/bin/mine"
files "$usr" >"$tmp/before"
run install PREFIX="$usr"
run install DESTDIR="$tmp/dest" PREFIX=/opt/tw
grep -qx 'prefix=/opt/tw' "$tmp/dest/opt/tw/lib/pkgconfig/tw.pc" || fail "tw.pc has another prefix"
files "$usr" | grep -v '/mine$' | diff - <(files "$tmp/dest/opt/tw") ||
	fail "PREFIX and DESTDIR put different files"

for f in man/man1/twc.1 man/man1/twrun.1 bash-completion/completions/twc \
	zsh/site-functions/_twrun fish/vendor_completions.d/twc.fish doc/tw/lang/spec.md \
	tw/editors/vscode/package.json nvim/site/pack/tw/start/tw/syntax/tw.vim; do
	[ -s "$usr/share/$f" ] || fail "$f is not installed"
done

"$usr/bin/twc" examples/calculator.tw -o "$tmp/c.onnx" || failed=1
[ "$("$usr/bin/twrun" "$tmp/c.onnx" "12*34=")" = 408 ] || fail "the installed twrun is wrong"
"$usr/bin/twasm" run tests/wasm/traps.wasm 2>&1 | grep -q 'divide by zero' ||
	fail "the installed twasm is wrong"

export PKG_CONFIG_PATH=$usr/lib/pkgconfig
cp examples/c/ask.c "$tmp"
cat >"$tmp/version.c" <<'C'
#include <stdio.h>
#include <string.h>
#include <tw/tw.h>
int main(void) { return puts(tw_version()) < 0 || strcmp(tw_version(), TW_VERSION); }
C
cd "$tmp" || exit 2
for c in ask version; do
	cc -Wall -Wextra -Werror ${TEST_CFLAGS:-} $c.c $(pkg-config --cflags --libs tw) \
		-o $c || failed=1
	cc -Wall -Wextra -Werror ${TEST_CFLAGS:-} $c.c $(pkg-config --cflags tw) usr/lib/libtw.a \
		$(pkg-config --static --libs tw | sed 's/-ltw//') -o ${c}_static || failed=1
done
export LD_LIBRARY_PATH=$usr/lib
for ask in ./ask ./ask_static; do
	got=$($ask c.onnx "12*34=" "1-9=" "999*999=")
	[ "$got" = $'408\n-8\n998001' ] || fail "$ask answers '$got'"
done
./ask c.onnx "1x=" 2>err && fail "ask took a bad prompt"
grep -q "'x'" err || fail "ask does not say what is wrong"

version=$(pkg-config --modversion tw)
[[ $version =~ ^[0-9]+\.[0-9]+ ]] || fail "pkg-config says that the version is '$version'"
same() { [ "$2" = "$version" ] || fail "$1 says version '$2', pkg-config '$version'"; }
for program in twc twrun twasm; do
	same $program "$("$usr/bin/$program" --version | sed "s/^$program //")"
	same "$program.1" "$(sed -n "s/^\.TH .*\"$program \([^\"]*\)\" \"User.*/\1/p" \
		usr/share/man/man1/$program.1)"
done
same ./version "$(./version)"
same ./version_static "$(./version_static)"
"$usr/bin/twc" "$OLDPWD/examples/adder.tw" -o a.safetensors || failed=1
for file in c.onnx a.safetensors; do
	same $file "$(grep -aoE '"?twc [0-9]+\.[0-9.]*[0-9]' $file | tail -n 1 | sed 's/.*twc //')"
done
[ -f "usr/lib/libtw.so.$version" ] || fail "no usr/lib/libtw.so.$version"
objdump -p usr/lib/libtw.so | grep -q "SONAME *$soname$" || fail "another SONAME"
cd "$OLDPWD" || exit 2

run uninstall PREFIX="$usr"
files "$usr" | diff "$tmp/before" - || fail "make uninstall has left or taken something"
run uninstall DESTDIR="$tmp/dest" PREFIX=/opt/tw
[ -z "$(ls "$tmp/dest")" ] || fail "make uninstall has left $(find "$tmp/dest" -type f | head -n 1)"
make -s uninstall PREFIX="$usr" BUILD="$build" 2>&1 | grep -q 'no tw is installed' ||
	fail "make uninstall where nothing is installed"
exit $failed
