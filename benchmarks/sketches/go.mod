// Sketches compares crdt/sketch with other libraries, which must not enter the module graph of calmstream.
module github.com/calmstream/calmstream/benchmarks/sketches

go 1.26.0

require (
	github.com/DataDog/sketches-go v1.4.8
	github.com/axiomhq/hyperloglog v0.3.0
	github.com/calmstream/calmstream v0.0.0
	github.com/cespare/xxhash/v2 v2.3.0
)

require (
	github.com/bits-and-blooms/bitset v1.24.2 // indirect
	github.com/bits-and-blooms/bloom/v3 v3.7.1 // indirect
	github.com/dgryski/go-metro v0.0.0-20250106013310-edb8663e5e33 // indirect
	github.com/kamstrup/intmap v0.5.2 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

replace github.com/calmstream/calmstream => ../..
