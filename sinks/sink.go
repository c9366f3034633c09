package sinks

import (
	"context"
	"log/slog"

	"github.com/calmstream/calmstream/crdt"
	"github.com/nats-io/nats.go"
)

// Record is one result on its way to a destination.
//
// Everything but Payload is made by the engine. The same result always has the same ID and the
// same content, whichever worker produced it and however often.
type Record struct {
	// ID identifies the result: the same ID always comes with the same content.
	ID string
	// Verdict says what the result is worth.
	Verdict crdt.Verdict
	// Key is the text form of the key that the result is about; empty where it is about none.
	Key string
	// Window is the event-time window as an ISO 8601 interval, or "global"; empty where there is none.
	Window string
	// Frontier is the event time up to which the input of the result was complete when it was
	// computed (RFC 3339), "end" after the end of a bounded input; empty where it has no meaning.
	Frontier string
	// Pipeline is the name of the pipeline that produced the result.
	Pipeline string
	// Path addresses the result by what it is about: subject tokens (epoch, window, key) joined
	// with dots, the same for every owner and every retry, and made of characters that subjects and
	// KV keys allow. A sink that can does create-once on it. It is empty for a result that is about
	// a record and not about a key or a window. Lower bounds of one thing share a path and differ in Version.
	Path string
	// Version is how far a lower bound has come, at least 1: of two with one Path the larger Version is the better one, and the
	// other one is outdated. It is 0 for a result that is alone on its Path.
	Version uint64
	// Origin names the history that a lower bound was counted in, if its value counts under the names of shards: domain of the server, pipeline,
	// state, incarnation of the log and shard. In another pipeline, or another domain, the same shards count other things.
	Origin string
	// Payload is the result as the user's codec wrote it.
	Payload []byte
}

// Env is what the engine lends to a sink while it is open.
type Env struct {
	// Conn is the connection of the pipeline. A sink does not close it.
	Conn *nats.Conn
	// Pipeline is the name of the pipeline.
	Pipeline string
	// Logger is never nil.
	Logger *slog.Logger
}

// Sink is a destination of results. A Sink value is a description: it holds no connection and can be
// opened many times, also at once.
type Sink interface {
	// Open prepares the destination and returns a Writer for one goroutine. It fails when the
	// destination cannot take results, naming what is missing and how to make it.
	Open(ctx context.Context, env Env) (Writer, error)
	// Target names the destination for people and for the plan, for example "subject hot-ads".
	Target() string
}

// Writer takes the results of one shard, in order.
//
// A Writer is used by one goroutine at a time.
type Writer interface {
	// Write returns nil only when every record is durable at the destination. On an error any subset may
	// have been stored, and the engine calls Write again with the same records: a destination with
	// memory must not show a result twice, so writing is idempotent by Record.ID. The records and
	// their payloads belong to the engine again after Write returns.
	//
	// An error that wraps ErrPermanent is not tried again: it stops the shard.
	Write(ctx context.Context, records []Record) error
	// Close releases what Open took. Records that Write accepted are already durable.
	Close() error
}
