// Codecs compares the encodings of crdt with others, which must not enter the module graph of calmstream.
module github.com/calmstream/calmstream/benchmarks/codecs

go 1.26.0

require (
	github.com/calmstream/calmstream v0.0.0
	github.com/vmihailenco/msgpack/v5 v5.4.1
)

require github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect

replace github.com/calmstream/calmstream => ../..
