#!/usr/bin/env bash
# usage: docker/build.sh [image of the worker] [image of the NATS server]
#
# Builds both images from this repository. It needs Go and a Docker engine, and no registry.
set -euo pipefail
worker=${1:-calmstream/adworker:local} server=${2:-calmstream/nats-server:local}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mkdir -p "$context"/bin "$context"/worker "$context"/server/data
(
	cd "$here/.."
	GOOS=linux GOARCH=$(docker version --format '{{.Server.Arch}}') CGO_ENABLED=0 \
		go build -trimpath -ldflags '-s -w' -o "$context/bin/" ./cmd/adworker github.com/nats-io/nats-server/v2
)
mv "$context/bin/adworker" "$context/worker/worker"
mv "$context/bin/nats-server" "$context/server/nats-server"
docker build --quiet --file "$here/Dockerfile" --tag "$worker" "$context/worker"
docker build --quiet --file "$here/nats.Dockerfile" --tag "$server" "$context/server"
