// Package bidpb is the record of the tests as Protocol Buffers generate it: protoc --go_out=paths=source_relative:. bid.proto
package bidpb
