package shard_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// visit is a word and the second at which it was said.
type visit struct {
	word string
	at   int
}

func (v visit) key() string     { return v.word }
func (v visit) time() time.Time { return time.Unix(int64(v.at), 0) }

func decodeVisit(m *pipeline.Message) (v visit, err error) {
	word, at, _ := strings.Cut(string(m.Data), "@")
	v.word = word
	v.at, err = strconv.Atoi(at)
	return v, err
}

// Guarantee 7: what has no seal above it waits for nothing, and each wait of the others is counted.
func TestWaitsForSealsAreCounted(t *testing.T) {
	t.Parallel()
	texts := []string{"a@1", "a@2", "b@3", "a@11", "b@12", "b@13", "a@30"}
	nothing := func(visit) ([]byte, error) { return nil, nil }
	final := func(operators.Final[string, crdt.GCounter]) ([]byte, error) { return nil, nil }
	to := sinks.Func{Name: "out"}
	left := func(l, _ *visit) visit { return *l }
	within := operators.Interval{Before: time.Second, After: time.Second}
	for _, c := range []struct {
		name  string
		build func(p *pipeline.Pipeline, in operators.Keyed[string, visit])
		open  uint64 // waits that are over while the input goes on
		want  uint64 // waits in all
	}{
		{"no state", func(p *pipeline.Pipeline, in operators.Keyed[string, visit]) {
			pipeline.Write(p, "out", operators.Records(in), to, nothing)
		}, 0, 0},
		{"a threshold", func(p *pipeline.Pipeline, in operators.Keyed[string, visit]) {
			pipeline.Write(p, "out", operators.Threshold(operators.Count("n", in), crdt.AtLeast(2)), to, pipeline.EncodeText)
		}, 0, 0},
		{"evidence in the state", func(p *pipeline.Pipeline, in operators.Keyed[string, visit]) {
			pipeline.Write(p, "out", operators.Finals(operators.SealWhen(operators.Count("n", in), crdt.AtLeast(4))), to, final)
		}, 0, 0},
		{"pairs", func(p *pipeline.Pipeline, in operators.Keyed[string, visit]) {
			pipeline.Write(p, "out", operators.Join("pairs", in, in, within, func(l, _ visit) visit { return l }), to, nothing)
		}, 0, 0},
		{"what passes once", func(p *pipeline.Pipeline, in operators.Keyed[string, visit]) { // in windows that are forgotten
			ids := operators.Window(in, operators.Tumbling(10*time.Second))
			pipeline.Write(p, "out", operators.Deduplicate("ids", ids, 0), to, nothing)
		}, 0, 0},
		{"windows", func(p *pipeline.Pipeline, in operators.Keyed[string, visit]) { // three of them
			n := operators.Count("n", operators.Window(in, operators.Tumbling(10*time.Second)))
			pipeline.Write(p, "out", operators.Finals(operators.Seal(n, operators.Watermark(0))), to, final)
		}, 2, 3},
		{"two seals of a window", func(p *pipeline.Pipeline, in operators.Keyed[string, visit]) {
			n := operators.Count("n", operators.Window(in, operators.Tumbling(10*time.Second)))
			for _, name := range []string{"one", "two"} {
				pipeline.Write(p, name, operators.Finals(operators.Seal(n, operators.Watermark(0))), sinks.Func{Name: name}, final)
			}
		}, 2, 3},
		{"sessions", func(p *pipeline.Pipeline, in operators.Keyed[string, visit]) { // of a at 1, 11 and 30, of b at 3 and 12
			n := operators.Count("n", operators.Window(in, operators.Sessions(5*time.Second)))
			pipeline.Write(p, "out", operators.Finals(operators.Seal(n, operators.Watermark(0))), to, final)
		}, 4, 5},
		{"the end of the input", func(p *pipeline.Pipeline, in operators.Keyed[string, visit]) {
			pipeline.Write(p, "out", operators.Finals(operators.Seal(operators.Count("n", in), operators.EndOfInput())), to, final)
		}, 0, 1},
		{"what has no match", func(p *pipeline.Pipeline, in operators.Keyed[string, visit]) {
			matching, _ := operators.Split(operators.Records(in), func(v visit) bool { return v.at == 3 })
			right := operators.KeyBy(matching, "word", visit.key)
			pipeline.Write(p, "out", operators.LeftJoin("pairs", in, right, within, left), to, nothing)
		}, 5, 6}, // all but b@3
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := pipeline.New("waits")
			in := pipeline.Read(p, "in", pipeline.Source[visit]{Stream: "IN", Decode: decodeVisit, Time: visit.time, MaxAhead: 1 << 62})
			c.build(p, operators.KeyBy(in, "word", visit.key))
			cut, err := p.Plan()
			if err != nil {
				t.Fatal(err)
			}
			m, err := shard.NewMachine(&shard.Env{ID: checkpoint.ShardID{Stage: "in"}, Plan: cut, Stage: cut.Stages[0]})
			if err != nil {
				t.Fatal(err)
			}
			log := newStream()
			log.put(texts...)
			log.put("END")
			waits := func(messages []plan.Message) uint64 {
				if _, err := m.Apply(messages); err != nil {
					t.Fatal(err)
				}
				if out, _ := m.Take(); len(out.Rejected) > 0 {
					t.Fatalf("rejected: %+v", out.Rejected)
				}
				return m.Waits()
			}
			open := waits(log.messages[:len(texts)])
			if all := open + waits(log.messages[len(texts):]); open != c.open || all != c.want {
				t.Errorf("%d waits before the end and %d in all, want %d and %d", open, all, c.open, c.want)
			}
		})
	}
}
