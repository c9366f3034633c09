package codecs_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/codecs/cbor"
	"github.com/calmstream/calmstream/pipeline/codecs/internal/bidpb"
	"github.com/calmstream/calmstream/pipeline/codecs/jsonv2"
	"github.com/calmstream/calmstream/pipeline/codecs/msgpack"
	"github.com/calmstream/calmstream/pipeline/codecs/protobuf"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

// Records of each codec go through a source, an exchange and a state, under every schedule, and hostile messages are dead letters.
func TestCodecsInPipelines(t *testing.T) {
	t.Parallel()
	testPipeline(t, jsonv2.Of[Bid](), func(b Bid) Bid { return b }, bidder)
	testPipeline(t, cbor.Of[Bid](), func(b Bid) Bid { return b }, bidder)
	testPipeline(t, msgpack.Of[Bid](), func(b Bid) Bid { return b }, bidder)
	testPipeline(t, protobuf.Of[bidpb.Bid](), message, func(m *bidpb.Bid) string { return fmt.Sprint(m.Bidder) })
}

func bidder(b Bid) string { return fmt.Sprint(b.Bidder) }

func testPipeline[T any](t *testing.T, c operators.Codec[T], made func(Bid) T, key func(T) string) {
	t.Helper()
	const shards, n = 2, 24
	var logs []pipelinetest.Log
	want := map[string]int{}
	for shard := range shards {
		l := pipelinetest.Log{Read: "bids", Shard: shard}
		for i := range n {
			b := Bid{Auction: int64(i), Bidder: int64(i % 5), At: time.Unix(int64(i), 0).UTC(), Tags: map[string]any{"a": "1", "b": "2"}}
			data, err := c.Encode(made(b))
			if err != nil {
				t.Fatal(err)
			}
			l.Messages = append(l.Messages, data)
			want[fmt.Sprint(b.Bidder)]++
		}
		for _, data := range hostile[c.Name] {
			if len(data) > 0 {
				l.Messages = append(l.Messages, []byte(data))
			}
		}
		logs = append(logs, l)
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("codec")
		in := pipeline.Read(p, "bids", pipeline.Source[T]{Stream: "BIDS", Subjects: []string{"bids.0", "bids.1"}, Decode: c.Message})
		in = operators.WithCodec(in, c)
		// Records cross the exchange as they are.
		again := operators.Deduplicate("again", operators.Window(operators.KeyBy(in, "bid", func(v T) string {
			data, _ := c.Encode(v)
			return string(data)
		}), operators.Tumbling(1<<58)), 0)
		both := operators.Cogroup("both", operators.KeyBy(in, "bidder", key), one[T], operators.KeyBy(again, "bidder", key), one[T])
		pipeline.Write(p, "out", operators.Finals(operators.Seal(both, operators.EndOfInput())), sinks.Func{Name: "out"}, func(f operators.Final[string, crdt.Max[int]]) ([]byte, error) {
			return []byte(f.Key), nil
		})
		counts := operators.Count("counts", operators.KeyBy(again, "bidder", key))
		pipeline.Write(p, "once", operators.Finals(operators.Seal(counts, operators.EndOfInput())), sinks.Func{Name: "once"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Appendf(nil, "%s %d", f.Key, f.Value.Value()), nil
		})
		return p
	}, logs, pipelinetest.Options{Rounds: 4})
	var got, once []string
	for _, r := range out.Results {
		if r.Write == "once" {
			got = append(got, r.Payload)
		}
	}
	for key, n := range want {
		once = append(once, fmt.Sprintf("%s %d", key, n/shards)) // the two logs have the same bids
	}
	slices.Sort(got)
	slices.Sort(once)
	if !slices.Equal(got, once) {
		t.Errorf("%s: got %v, want %v", c.Name, got, once)
	}
	dead := 0
	for _, l := range logs {
		dead += len(l.Messages) - n
	}
	if len(out.Rejected) != dead || dead == 0 {
		t.Errorf("%s: %d dead letters, want %d", c.Name, len(out.Rejected), dead)
	}
}

func one[T any](T) crdt.Max[int] { return crdt.MaxOf(1) }
