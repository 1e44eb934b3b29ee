#!/bin/sh
# usage: tests/names.sh BUILD-DIR
#
# A name is defined in one file: `grep '^name('` finds what is meant. The few that may
# have several meanings are in tools/names.allow.
exec "$(dirname "$0")/../tools/names" --check
