// Package codecs is the root of encodings that need modules of others. They are a module of their own, so that who does without them does
// not have those in the module graph:
//
//	[github.com/calmstream/calmstream/pipeline/codecs/jsonv2]    JSON, decoded three times as fast as by encoding/json
//	[github.com/calmstream/calmstream/pipeline/codecs/cbor]      CBOR (RFC 8949), in the deterministic form
//	[github.com/calmstream/calmstream/pipeline/codecs/msgpack]   MessagePack
//	[github.com/calmstream/calmstream/pipeline/codecs/protobuf]  Protocol Buffers
//
// And one that needs none, but only decodes: [github.com/calmstream/calmstream/pipeline/codecs/jsonscan] hands the members of JSON objects to a
// function of yours, which is the fastest way there is here.
//
// Each of the others has one function, Of, which returns the codec of a type. Its methods fit where encodings are asked for:
//
//	bids := cbor.Of[Bid]()
//	in := pipeline.Read(p, "bids", pipeline.Source[Bid]{Stream: "BIDS", Decode: bids.Message})
//	in = operators.WithCodec(in, bids)                 // across exchanges, and in state
//	pipeline.Write(p, "out", in, sink, bids.Encode)
//
// JSON by encoding/json, text and raw bytes need no other module: see package pipeline. A codec of your own is an [operators.Codec] with
// three fields.
//
// # Hostile input
//
// What cannot be decoded is a dead letter, with the reason. No message makes a decoder take memory out of proportion to its length,
// recurse without a limit, or panic.
//
// # Determinism
//
// Two owners of a shard encode a value alike, as an exchange needs it: keys of maps are in order. Where a library cannot do that, its
// package says so and refuses to encode.
package codecs

import "github.com/calmstream/calmstream/operators"

// Codec is what each package returns.
type Codec[T any] = operators.Codec[T]
