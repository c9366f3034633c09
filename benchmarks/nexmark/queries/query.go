package queries

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// Class says what the rows of a query wait for.
type Class string

const (
	// Monotone rows are true for good as soon as their records are there. They wait for nothing.
	Monotone Class = "monotone"
	// Lattice rows are read of a state that only grows: what is known of them before the seal is a bound of what they will be.
	Lattice Class = "lattice"
	// Sealed rows are computed from what is final, or go up and down: before the seal nothing is known of them.
	Sealed Class = "sealed"
)

// Names of what a query reads and writes.
const (
	// Events is the Read of the events.
	Events = "events"
	// Side is the Read of the table that q13 joins.
	Side = "side"
	// Rows is the Write of the rows.
	Rows = "rows"
	// Markers is the Write of q10 that says of each minute that it is complete.
	Markers = "markers"
)

const (
	// Lateness is how far, in event time, events may trail the latest one of their shard.
	Lateness = 4 * time.Second
	// SideRows is how many rows the side input has.
	SideRows = 10_000
)

// Query is a query.
type Query struct {
	// Name is q0 to q23, or q6s.
	Name string
	// Asks says what the query asks, in a line.
	Asks string
	// Class says what its rows wait for, and Waits until when.
	Class Class
	Waits string
	// Adapted says how the query differs from the original, "" if it does not.
	Adapted string
	// Side says that the query reads the side input too.
	Side bool

	build func(b *build)
}

// Config says where a query reads and writes.
type Config struct {
	// Pipeline is the name of the pipeline; "" is that of the query.
	Pipeline string
	// Stream is that of the events, with a subject for each shard; no Subjects are one shard that reads all of it.
	Stream   string
	Subjects []string
	// SideStream and SideSubject are where the side input stands, if the query has one. An empty subject is the whole stream.
	SideStream, SideSubject string
	// Bounded ends the inputs with what their streams have when the first worker starts.
	Bounded bool
	// Sink returns the destination of a Write.
	Sink func(write string) sinks.Sink
}

// All returns the queries in their order.
func All() []Query {
	all := slices.Concat(stateless(), joins(), windows(), reports(), auctions())
	slices.SortFunc(all, func(a, b Query) int {
		return cmp.Or(cmp.Compare(number(a.Name), number(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func number(name string) (n int) {
	_, _ = fmt.Sscanf(name, "q%d", &n) // our own names
	return n
}

// Find returns the query of a name.
func Find(name string) (q Query, ok bool) {
	all := All()
	i := slices.IndexFunc(all, func(q Query) bool { return q.Name == name })
	if i < 0 {
		return q, false
	}
	return all[i], true
}

// Pipeline returns the query as a pipeline.
func (q Query) Pipeline(c Config) *pipeline.Pipeline {
	b := &build{Pipeline: pipeline.New(cmp.Or(c.Pipeline, q.Name)), config: c}
	q.build(b)
	return b.Pipeline
}

// build is a pipeline that is being built.
type build struct {
	*pipeline.Pipeline
	config Config
}

// events reads the events.
func (b *build) events() operators.Stream[nexmark.Event] { return b.read(nexmark.Event.Time) }

// stored reads the events, and takes the time at which the server has stored them.
func (b *build) stored() operators.Stream[nexmark.Event] { return b.read(nil) }

func (b *build) read(at func(nexmark.Event) time.Time) operators.Stream[nexmark.Event] {
	return pipeline.Read(b.Pipeline, Events, pipeline.Source[nexmark.Event]{
		Stream: b.config.Stream, Subjects: b.config.Subjects, Decode: pipeline.JSON[nexmark.Event], Time: at, Bounded: b.config.Bounded,
	})
}

// bids, auctions and people are the events of a kind.
func (b *build) bids() operators.Stream[nexmark.Event] { return onlyBids(b.events()) }

func onlyBids(in operators.Stream[nexmark.Event]) operators.Stream[nexmark.Event] {
	return operators.Filter(in, func(e nexmark.Event) bool { return e.Bid != nil })
}

func onlyAuctions(in operators.Stream[nexmark.Event]) operators.Stream[nexmark.Event] {
	return operators.Filter(in, func(e nexmark.Event) bool { return e.Auction != nil })
}

func onlyPeople(in operators.Stream[nexmark.Event]) operators.Stream[nexmark.Event] {
	return operators.Filter(in, func(e nexmark.Event) bool { return e.Person != nil })
}

// SideRow is a row of the side input.
type SideRow struct {
	Key   int64  `json:"key"`
	Value string `json:"value"`
}

// SideInput yields the messages of the side input.
func SideInput() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range SideRows {
			if !yield(fmt.Appendf(nil, `{"key":%d,"value":"%d"}`, i, i)) {
				return
			}
		}
	}
}

func (b *build) side() operators.Stream[SideRow] {
	source := pipeline.Source[SideRow]{Stream: b.config.SideStream, Decode: pipeline.JSON[SideRow], Bounded: b.config.Bounded}
	if b.config.SideSubject != "" {
		source.Subjects = []string{b.config.SideSubject}
	}
	return pipeline.Read(b.Pipeline, Side, source)
}

// write writes rows.
func write[T any](b *build, name string, rows operators.Stream[T]) {
	pipeline.Write(b.Pipeline, name, rows, b.config.Sink(name), encode)
}

// encode renders a row as JSON, with texts as they are.
func encode[T any](row T) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(row); err != nil {
		return nil, fmt.Errorf("queries: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// auctionOf, bidderOf and sellerOf are keys.
func auctionOf(e nexmark.Event) int64 { return e.Bid.Auction }
func bidderOf(e nexmark.Event) int64  { return e.Bid.Bidder }
func sellerOf(e nexmark.Event) int64  { return e.Auction.Seller }
func saleOf(e nexmark.Event) int64    { return e.Auction.ID }
func personOf(e nexmark.Event) int64  { return e.Person.ID }
func priceOf(e nexmark.Event) int64   { return e.Bid.Price }

// day and minute are how SQL formats a time.
func day(millis int64) string    { return time.UnixMilli(millis).UTC().Format("2006-01-02") }
func minute(millis int64) string { return time.UnixMilli(millis).UTC().Format("15:04") }

// millis is a time of a window in milliseconds.
func millis(nanos int64) int64 { return nanos / int64(time.Millisecond) }

// inEuros is a price times 0.908, as a decimal with three digits: the price is in cents, and so is the result.
func inEuros(price int64) string { return fmt.Sprintf("%d.%03d", price*908/1000, price*908%1000) }
