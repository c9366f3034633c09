#!/usr/bin/env bash
# Fuzzes each fuzz target of the repository, also those of the modules below it, one after the other, for the given time (a Go
# duration). With "list" it only says which there are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:?usage: tools/fuzz.sh <time>|list}

targets=$(git grep -oE --untracked "^func Fuzz[A-Za-z0-9_]+" -- "*_test.go" | sed "s/:func / /") || {
	echo "there is no fuzz target" >&2
	exit 1
}
while read -r file target; do
	package=. module=.
	[[ $file == */* ]] && package=${file%/*} module=$package
	while [[ ! -e $module/go.mod && $module == */* ]]; do
		module=${module%/*}
	done
	[[ -e $module/go.mod ]] || module=.
	inside=.
	if [[ $package != "$module" ]]; then
		inside=./${package#"$module"/}
	fi
	echo "==> $package $target"
	if [[ $time != list ]]; then
		go -C "$module" test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$inside" </dev/null
	fi
done <<<"$targets"
