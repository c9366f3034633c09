#!/usr/bin/env bash
# Repeats the tests of the packages with goroutines of their own, in random order and under the race detector, for the
# given number of seconds. Property tests draw new cases each round. It stops at the first failure, with the seed printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:?usage: tools/soak.sh <seconds>}

for ((round = 1; SECONDS < seconds; round++)); do
	echo "==> round $round, after $SECONDS of $seconds s"
	go test -race -count=1 -shuffle=on -timeout 30m ./sinks/... ./pipeline/... ./crdt/...
done
