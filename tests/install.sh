#!/bin/bash
# usage: tests/install.sh BUILD-DIR
#
# `make install`, under a PREFIX of its own and under DESTDIR: the programs work
# from there, and examples/c builds with what pkg-config says, shared and static.
build=$1
cd "$(dirname "$0")/.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0
unset MAKEFLAGS MAKELEVEL MFLAGS

fail() { echo "$*"; failed=1; }

make -s install BUILD="$build" PREFIX="$tmp/usr" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
make -s install BUILD="$build" DESTDIR="$tmp/dest" PREFIX=/opt/tw >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
grep -qx 'prefix=/opt/tw' "$tmp/dest/opt/tw/lib/pkgconfig/tw.pc" || fail "tw.pc has another prefix"
(cd "$tmp/usr" && find . -type f -o -type l) | sort >"$tmp/usr.list"
(cd "$tmp/dest/opt/tw" && find . -type f -o -type l) | sort | diff "$tmp/usr.list" - || failed=1

for f in man/man1/twc.1 man/man1/twrun.1 bash-completion/completions/twc zsh/site-functions/_twrun \
	fish/vendor_completions.d/twc.fish; do
	[ -s "$tmp/usr/share/$f" ] || fail "$f is not installed"
done

"$tmp/usr/bin/twc" examples/calculator.tw -o "$tmp/c.onnx" || failed=1
[ "$("$tmp/usr/bin/twrun" "$tmp/c.onnx" "12*34=")" = 408 ] || fail "the installed twrun is wrong"

sanitize=
[ "${SLOW:-}" ] && sanitize=-fsanitize=address,undefined
export PKG_CONFIG_PATH=$tmp/usr/lib/pkgconfig
cp examples/c/ask.c "$tmp"
cd "$tmp" || exit 2
cc -Wall -Wextra -Werror $sanitize ask.c $(pkg-config --cflags --libs tw) -o ask || failed=1
cc -Wall -Wextra -Werror $sanitize ask.c $(pkg-config --cflags tw) usr/lib/libtw.a \
	$(pkg-config --static --libs tw | sed 's/-ltw//') -o ask_static || failed=1
for ask in ./ask ./ask_static; do
	got=$(LD_LIBRARY_PATH=$tmp/usr/lib $ask c.onnx "12*34=" "1-9=" "999*999=")
	[ "$got" = $'408\n-8\n998001' ] || fail "$ask answers '$got'"
done
LD_LIBRARY_PATH=$tmp/usr/lib ./ask c.onnx "1x=" 2>err && fail "ask took a bad prompt"
grep -q "'x'" err || fail "ask does not say what is wrong"
exit $failed
