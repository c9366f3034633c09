#!/usr/bin/env bash
# Fuzzes each fuzz target of the module, one after the other, for the given time (a Go duration).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:?usage: tools/fuzz.sh <time>}

targets=$(git grep -oE --untracked "^func Fuzz[A-Za-z0-9_]+" -- "*_test.go" | sed "s/:func / /") || {
	echo "there is no fuzz target" >&2
	exit 1
}
while read -r file target; do
	echo "==> ${file%/*} $target"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./${file%/*}" </dev/null
done <<<"$targets"
