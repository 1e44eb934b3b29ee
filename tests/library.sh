#!/bin/bash
# stdlib/README.md is what tools/library makes of the library's comments.
cd "$(dirname "$0")/.." && tools/library |
	diff -u --label stdlib/README.md --label tools/library stdlib/README.md -
