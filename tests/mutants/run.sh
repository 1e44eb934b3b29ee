#!/bin/bash
# usage: tests/mutants/run.sh BUILD-DIR
#
# Can every change of tests/mutants/list be made? Whether tests notice them: make mutants.
cd "$(dirname "$0")/../.." || exit 2
tools/mutants --apply
