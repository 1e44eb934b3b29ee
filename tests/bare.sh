#!/bin/bash
# usage: tests/bare.sh [RELEASE...]        bookworm and trixie, if none is named
#        tests/bare.sh --stale             is there a need to?
#        tests/bare.sh --able              can it be tried here? If not, says why in a line
#
# What README promises of a fresh machine: on a new Debian with make, gcc and git and
# nothing else, in a clone of what is committed here, `make demo`, `make test`, `make
# install` and `make uninstall` work. Each release is installed with debootstrap into
# build-bare/RELEASE, which is removed unless something failed there. Needs root.
#
# Packages come from where this machine gets its own: its apt mirror, npm's registry, and
# the certificates that those are trusted by, are asked for when this runs.
#
# tests/bare.passed says for which state of the files that install something or that run
# on what was installed each release has passed; --stale succeeds if they have changed.
cd "$(dirname "$0")/.." || exit 2
releases='bookworm trixie'
stamps=tests/bare.passed

state() {       # of setup, install, and what of the tests is not shell or our own C
	git ls-tree -r HEAD package.json .npmrc tools tests bench |
		grep -E '(\.json|\.npmrc|tools/setup|tools/install|\.mjs|\.cc)$' |
		git hash-object --stdin
}
passed_before() { grep -qxF "$1 $(state)" $stamps; }

if [ "${1:-}" = --stale ]; then
	for release in $releases; do
		passed_before "$release" || exit 0
	done
	exit 1
fi

cannot() { echo "bare: $*"; exit 2; }
[ "$(id -u)" = 0 ] || cannot "debootstrap needs root: sudo make test-bare"
unshare --mount true 2>/dev/null || cannot "file systems cannot be mounted here"
mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
	sed -n 's/^Debian //p' | head -n 1)
[ "$mirror" ] || cannot "apt knows no mirror of Debian"
if [ "${1:-}" = --able ]; then
	tools/setup --bare >/dev/null 2>&1 || cannot "debootstrap is not here, nor can be installed"
	got=$(mktemp -d) || exit 2
	trap 'rm -rf "$got"' EXIT
	for release in $releases; do
		/usr/lib/apt/apt-helper download-file "${mirror%/}/dists/$release/Release" \
			"$got/$release" >/dev/null 2>&1 ||
			cannot "$mirror does not answer, or has no $release"
	done
	exit 0
fi

[ $# -gt 0 ] || set -- $releases
top=$(pwd)/build-bare
src=/home/tw
passed=0 failed=0

# Where the new machine has to ask as this one does.
settings() { # settings ROOT
	apt-config dump | grep -E '^Acquire::(https?|Retries|Check)' >"$1/etc/apt/apt.conf.d/80host"
	{
		echo "LIMIT=${LIMIT:-60}"
		echo "npm_config_registry=$(npm config get registry)"
		echo "npm_config_strict_ssl=$(npm config get strict-ssl)"
		if [ "${NODE_EXTRA_CA_CERTS:-}" ]; then
			mkdir -p "$1/usr/local/share/host"
			cp "$NODE_EXTRA_CA_CERTS" "$1/usr/local/share/host/certificates.pem"
			echo "NODE_EXTRA_CA_CERTS=/usr/local/share/host/certificates.pem"
		fi
	} >"$1/etc/host.env"
}

# Runs in a mount namespace of its own, so that /proc and /dev are gone with it.
inside() { # inside COMMAND: in the clone on the new machine
	unshare --mount bash -c '
		mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" &&
		path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin &&
		exec env -i HOME=/root TERM=dumb PATH=$path $(cat "$1/etc/host.env") \
			chroot "$1" /bin/sh -c "cd $2 && $3"' \
		bash "$root" "$src" "$1" </dev/null
}

step() { # step COMMAND
	local start=$SECONDS
	if inside "$1" >"$root.log" 2>&1; then
		passed=$((passed + 1))
		printf 'ok   %s: %s, %d s; %s\n' "$release" "$1" $((SECONDS - start)) \
			"$(tail -n 1 "$root.log")"
	else
		failed=$((failed + 1))
		printf 'FAIL %s: %s\n' "$release" "$1"
		tail -n 40 "$root.log" | sed 's/^/     /'
	fi
}

installed() { (cd "$root/usr/local" && find . | LC_ALL=C sort); }

for release; do
	root=$top/$release
	before=$failed
	rm -rf "$root"
	mkdir -p "$root"
	if ! debootstrap --variant=minbase --include=make,gcc,git "$release" "$root" "$mirror" \
		>"$root.log" 2>&1; then
		echo "FAIL $release: debootstrap"
		tail -n 20 "$root.log" | sed 's/^/     /'
		failed=$((failed + 1))
		continue
	fi
	settings "$root"
	git clone -q . "$root$src"
	step 'make demo'
	step 'make test'
	installed >"$root.before"
	step 'make install'
	step '/usr/local/bin/twc examples/adder.tw -o adder.onnx &&
		test "$(/usr/local/bin/twrun adder.onnx 12+34=)" = 46'
	step 'make uninstall'
	if ! installed | diff "$root.before" - >"$root.log"; then
		echo "FAIL $release: left after make uninstall"
		sed 's/^/     /' "$root.log"
		failed=$((failed + 1))
	fi
	printf '     %s: %s, node %s\n' "$release" "$(inside 'gcc --version' | head -n 1)" \
		"$(inside 'node --version')"
	if [ $failed = $before ]; then
		rm -rf "$root" "$root".*
		{ grep -v "^$release " $stamps; echo "$release $(state)"; } |
			LC_ALL=C sort >$stamps.new
		mv $stamps.new $stamps
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
