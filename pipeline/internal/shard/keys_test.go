package shard_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
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

// keyCounts counts words of a registered producer, each sealed by its own value, in two shards.
func keyCounts(t *testing.T) *plan.Plan {
	t.Helper()
	p := pipeline.New("counts")
	in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Subjects: []string{"in.0", "in.1"}, Producers: []string{"p"}, Decode: pipeline.Text})
	counts := operators.Count("counts", operators.KeyBy(in, "word", func(s string) string { return s }))
	pipeline.Write(p, "out", operators.Finals(operators.Seal(counts, operators.Keys("word"))), sinks.Func{Name: "out"}, func(operators.Final[string, crdt.GCounter]) ([]byte, error) { return nil, nil })
	cut, err := p.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return cut
}

// states returns the entries of a full snapshot, by the number of their operator.
func states(t *testing.T, m *shard.Machine) map[uint64][][]byte {
	t.Helper()
	seg, err := m.Snapshot("all", true)
	if err != nil {
		t.Fatal(err)
	}
	m.Settle(false)
	all := map[uint64][][]byte{}
	for _, chunk := range seg.Chunks {
		err := checkpoint.Entries(chunk, func(entry []byte) error {
			id, n := binary.Uvarint(entry)
			all[id] = append(all[id], bytes.Clone(entry[n:]))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// The shards of a state forget a value with its keys, and count that its results have waited; those of the input remember 16 bytes and what
// an entry costs.
func TestStatesOfSealedKeysAreFreed(t *testing.T) {
	t.Parallel()
	cut := keyCounts(t)
	machine := func(stage, number int) *shard.Machine {
		m, err := shard.NewMachine(&shard.Env{ID: checkpoint.ShardID{Stage: cut.Stages[stage].Name, Shard: number}, Plan: cut, Stage: cut.Stages[stage]})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	const words = 300
	to := []*shard.Machine{machine(1, 0), machine(1, 1)}
	seqs := make([]uint64, len(to))
	pass := func(from *shard.Machine) (results int) {
		out, _ := from.Take()
		for _, e := range out.Envelopes {
			seqs[e.Partition]++
			if _, err := to[e.Partition].Apply([]plan.Message{{Seq: seqs[e.Partition], Data: e.Data}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range to {
			out, _ := m.Take()
			results += len(out.Results)
		}
		return results
	}
	results, entries, waits := 0, 0, uint64(0)
	for number := range 2 {
		from, tally, seq := machine(0, number), seal.Tally{}, uint64(0)
		push := func(headers map[string][]string, data string) {
			seq++
			if _, err := from.Apply([]plan.Message{{Seq: seq, Data: []byte(data), Header: headers}}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range words {
			tally.Add(fmt.Append(nil, i))
			push(seal.RecordHeaders("p", tally.Count), fmt.Sprint(i))
		}
		if results += pass(from); number == 0 {
			for _, m := range to {
				entries += len(states(t, m)[uint64(cut.Stages[1].Root.ID)])
			}
			if entries != words {
				t.Errorf("%d keys have a state", entries)
			}
		}
		for i := range words {
			push(seal.KeyHeaders("p", "word", tally), fmt.Sprint(i))
		}
		if results += pass(from); number == 0 && results > 0 {
			t.Errorf("%d results before the other shard has sealed", results)
		}
		for _, e := range states(t, from)[uint64(cut.Stages[0].Root.ID)] {
			if len(e) != 17 {
				t.Errorf("an entry has %d bytes: %x", len(e), e)
			}
		}
	}
	for i, m := range to {
		if left := states(t, m); len(left) > 0 {
			t.Errorf("shard %d keeps %x", i, left)
		}
		waits += m.Waits()
	}
	if results != words || waits != words {
		t.Errorf("%d results, %d waits", results, waits)
	}
}

// What is written for values, to checkpoints and to the exchange, does not change.
func TestFormsOfSealsAreGolden(t *testing.T) {
	t.Parallel()
	cut := keyCounts(t)
	var from, to *shard.Machine
	for i, m := range []**shard.Machine{&from, &to} {
		var err error
		if *m, err = shard.NewMachine(&shard.Env{ID: checkpoint.ShardID{Stage: cut.Stages[i].Name, Shard: 1}, Plan: cut, Stage: cut.Stages[i]}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := from.Apply([]plan.Message{
		{Seq: 1, Data: []byte("calm"), Header: seal.KeyHeaders("p", "word", seal.Tally{})},
		{Seq: 2, Data: []byte("crdt"), Header: seal.KeyHeaders("p", "word", seal.Tally{Count: 1, Digest: 2})},
	}); err != nil {
		t.Fatal(err)
	}
	out, _ := from.Take()
	if len(out.Envelopes) != 2 {
		t.Fatalf("%d envelopes", len(out.Envelopes))
	}
	envelope := out.Envelopes[1]
	if _, err := to.Apply([]plan.Message{{Seq: 1, Data: envelope.Data}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, got, want string }{
		{"envelope", fmt.Sprintf("%x", envelope.Data), "01010101ffffffffffffffffff011bffffffffffffffffff010102f13f9a54e060212f1ae05670ad1031"},
		{"state of the input", fmt.Sprintf("%x", states(t, from)[uint64(cut.Stages[0].Root.ID)]), "[01000201020000000000000000c456008b26068e20412885fdc07a1c8f 0402f13f9a54e060212f1ae05670ad1031]"},
		{"state of the fold", fmt.Sprintf("%x", states(t, to)[uint64(cut.Stages[1].Root.ID)]), "[0402f13f9a54e060212f1ae05670ad103102]"},
	} {
		if c.got != c.want {
			t.Errorf("the %s is\n%s, not\n%s", c.what, c.got, c.want)
		}
	}
}
