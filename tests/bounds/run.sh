#!/bin/bash
# usage: tests/bounds/run.sh BUILD-DIR
#
# audit.c on every example and every test of the language: is what the compiler proved
# true of the weights?
bin=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
set -o pipefail                 # an audit that crashes has failed

printf '%s\n' examples/*.tw tests/lang/*.tw tests/bounds/*.tw |
	xargs -n 16 "$bin/bounds/audit" 2>/dev/null | awk '
	/^[0-9]+ audited$/ { n += $1; next }
	{ print; failed = 1 }
	END { if (n < 100) { print "only " n " programs compile"; failed = 1 }
	      exit failed }'
