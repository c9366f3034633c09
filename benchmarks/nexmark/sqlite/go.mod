// The queries of Nexmark against SQL: SQLite must not enter the module graph of calmstream.
module github.com/calmstream/calmstream/benchmarks/nexmark/sqlite

go 1.26.0

require (
	github.com/calmstream/calmstream v0.0.0
	github.com/ncruces/go-sqlite3 v0.30.5
)

require (
	github.com/bits-and-blooms/bitset v1.24.2 // indirect
	github.com/bits-and-blooms/bloom/v3 v3.7.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/nats-io/nats.go v1.55.0 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/ncruces/julianday v1.0.0 // indirect
	github.com/tetratelabs/wazero v1.11.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/calmstream/calmstream => ../../..
