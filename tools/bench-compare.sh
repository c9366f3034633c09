#!/usr/bin/env bash
# Compares the benchmarks of the working tree with those of another commit: rounds of the two alternate, so that a
# machine that gets warm or busy does not favour one side. The other commit is checked out beside the tree, never over it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ref=${1:?usage: tools/bench-compare.sh <commit> [<benchmarks>] [<rounds>]}
bench=${2:-.}
rounds=${3:-10}

dir=$(mktemp -d)
trap 'git worktree remove --force "$dir/tree" 2>/dev/null || true; rm -rf "$dir"' EXIT
git worktree add --quiet --detach "$dir/tree" "$ref"

for ((i = 1; i <= rounds; i++)); do
	echo "==> round $i of $rounds" >&2
	(cd "$dir/tree" && go test -run '^$' -bench "$bench" -benchmem ./...) >>"$dir/old"
	go test -run '^$' -bench "$bench" -benchmem ./... >>"$dir/new"
done
go tool -modfile=tools/go.mod benchstat "$ref=$dir/old" "work=$dir/new"
