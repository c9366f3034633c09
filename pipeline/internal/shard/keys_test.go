package shard_test

import (
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/exchange"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// A value is sent to each shard of a state once, by however many ways records come there, and not where nothing is sealed by its
// attribute; and again by an owner that began anew, under the same number.
func TestSealsOfValuesAreSentOnce(t *testing.T) {
	t.Parallel()
	p := pipeline.New("once")
	in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Subjects: []string{"in.0", "in.1"}, Producers: []string{"p"}, Decode: pipeline.Text})
	show := func(operators.Final[string, crdt.GSet[string]]) ([]byte, error) { return nil, nil }
	for _, name := range []string{"ad", "shop"} {
		keyed := operators.KeyBy(in, name, func(s string) string { return s })
		lift := func(s string) crdt.GSet[string] { return crdt.GSetOf(s) }
		state := operators.Cogroup("by-"+name, keyed, lift, keyed, lift)
		pipeline.Write(p, name, operators.Finals(operators.Seal(state, operators.Keys(name))), sinks.Func{Name: name}, show)
	}
	cut, err := p.Plan()
	if err != nil {
		t.Fatal(err)
	}
	owner := func() *shard.Machine {
		m, err := shard.NewMachine(&shard.Env{ID: checkpoint.ShardID{Stage: "in", Shard: 1}, Plan: cut, Stage: cut.Stages[0]})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := owner()
	sent := func(m *shard.Machine, seq uint64, value string) map[string]int {
		t.Helper()
		msg := plan.Message{Seq: seq, Data: []byte(value), Header: seal.KeyHeaders("p", "ad", seal.Tally{})}
		if taken, err := m.Apply([]plan.Message{msg}); err != nil || taken != 1 {
			t.Fatal(taken, err)
		}
		records := map[string]int{}
		out, _ := m.Take()
		for _, e := range out.Envelopes {
			r := exchange.NewReceiver(2)
			if err := r.Accept(e.Data, func(uint32, []byte) error { records[e.To.Name]++; return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if len(out.Rejected) > 0 {
			t.Errorf("rejected: %v", out.Rejected[0].Err)
		}
		return records
	}
	if got := sent(first, 1, "car"); got["by-ad"] != 2 || got["by-shop"] != 0 { // one for each shard
		t.Errorf("sent %v", got)
	}
	if got := sent(first, 2, "car"); len(got) > 0 {
		t.Errorf("what is promised again was sent again: %v", got)
	}
	if got := sent(owner(), 1, "car"); got["by-ad"] != 2 || got["by-shop"] != 0 {
		t.Errorf("another owner sent %v", got)
	}
}
