# make            what there is
# make ci         what must hold before a change is accepted
SHELL       := /usr/bin/env bash -euo pipefail
.DEFAULT_GOAL := help
TOOL        := go tool -modfile=tools/go.mod
FUZZTIME    ?= 30s
SOAKTIME    ?= 600
REF         ?= HEAD~1
BENCH       ?= .
ARGS        ?=
COUNT       ?= 10
COMPOSE     ?= docker/compose.yaml
# Compose v2 is a plugin of docker, the older one a command of its own.
DOCKER_COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: fmt
fmt: ## format the Go files
	$(TOOL) golangci-lint fmt

.PHONY: lint
lint: ## run the linters of .golangci.yml
	$(TOOL) golangci-lint run --timeout 10m

.PHONY: test
test: ## run all tests
	go test ./...

.PHONY: race
race: ## run all tests under the race detector, in random order
	go test -race -shuffle=on ./...

.PHONY: illegal
illegal: ## check that illegal pipelines do not compile
	go test -count=1 -run 'Illegal|Harness' ./operators

.PHONY: examples
examples: ## run the examples
	go test -count=1 -run '^Example' ./...

.PHONY: doc
doc: ## check the code in the documentation
	go test -count=1 ./internal/doctest

.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME (30s)
	@tools/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: ## measure beside floors, with ARGS (workloads, -scale, -repeat, -peers); the report goes to benchmarks/results
	@go run ./benchmarks/bench $(ARGS)

.PHONY: bench-go
bench-go: ## run the Go benchmarks that match BENCH (all)
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: bench-codecs
bench-codecs: ## compare the encodings of crdt with gob, JSON and msgpack
	@go -C benchmarks/codecs run .

.PHONY: bench-records
bench-records: ## compare the encodings of records: encoding/json, JSON v2, CBOR, MessagePack, Protocol Buffers
	go -C pipeline/codecs test -run '^$$' -bench . -benchmem .

.PHONY: bench-aggregates
bench-aggregates: ## measure each aggregate
	go test ./pipeline/internal/shard -run '^$$' -bench Aggregates

.PHONY: bench-joins
bench-joins: ## measure joins, lookups and enrichment beside loops over maps
	go test ./internal/plan/kernel -run '^$$' -bench 'Join|Lookup|Enrich' -benchtime 2000x

.PHONY: bench-sketches
bench-sketches: ## compare crdt/sketch with other libraries
	go -C benchmarks/sketches test -bench . -benchmem .

.PHONY: bench-compare
bench-compare: ## compare the Go benchmarks that match BENCH with the commit REF (the one before), COUNT (10) runs each
	@tools/bench-compare.sh '$(REF)' '$(BENCH)' '$(COUNT)'

.PHONY: failover
failover: ## measure how long results stand still when workers die, join and leave
	@go run ./benchmarks/failover

.PHONY: soak
soak: ## 200 random kills, pauses and rejoins of workers, then the concurrent tests in random order for SOAKTIME seconds (600)
	@go run ./benchmarks/failover -soak 200
	@tools/soak.sh '$(SOAKTIME)'

.PHONY: docker-build
docker-build: ## build the docker images
	@docker/build.sh

.PHONY: up
up: docker-build ## start a NATS server and a worker in docker (COMPOSE)
	$(DOCKER_COMPOSE) -p calmstream -f '$(COMPOSE)' up --detach

.PHONY: down
down: ## stop them and remove their data
	$(DOCKER_COMPOSE) -p calmstream -f '$(COMPOSE)' down --volumes

.PHONY: ci
ci: ## everything that CI runs, nothing else
	@.ci/run
