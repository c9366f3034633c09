package shard_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// A certificate of many keys leaves as soon as nothing can be added to it, and waits for no other seal.
func TestCertificatesOfKeysLeaveInTime(t *testing.T) {
	t.Parallel()
	minute := func(text string) time.Time {
		n, _ := strconv.Atoi(text)
		return time.Unix(0, 0).Add(time.Duration(n) * time.Minute)
	}
	for name, c := range map[string]struct {
		seal func(operators.Keyed[string, string]) operators.Sealed[string, crdt.GCounter]
		// messages are event times in minutes; after so many of them there are so many certificates of so many keys.
		messages     []string
		after        int
		certificates int
		keys         int
	}{
		"sessions": {func(in operators.Keyed[string, string]) operators.Sealed[string, crdt.GCounter] {
			return operators.Seal(operators.Count("n", operators.Window(in, operators.Sessions(time.Minute))), operators.Watermark(0))
		}, []string{"1", "5", "61", "120"}, 3, 1, 2},
		"sessions of a period that is not over": {func(in operators.Keyed[string, string]) operators.Sealed[string, crdt.GCounter] {
			return operators.Seal(operators.Count("n", operators.Window(in, operators.Sessions(time.Minute))), operators.Watermark(0))
		}, []string{"1", "5", "59", "120"}, 3, 0, 0},
		"evidence": {func(in operators.Keyed[string, string]) operators.Sealed[string, crdt.GCounter] {
			return operators.SealWhen(operators.Count("n", in), crdt.AtLeast(1))
		}, []string{"1", "2", "1", "1", "1", "1", "1", "1", "9"}, 8, 1, 2},
		"evidence in a range that is not over": {func(in operators.Keyed[string, string]) operators.Sealed[string, crdt.GCounter] {
			return operators.SealWhen(operators.Count("n", in), crdt.AtLeast(1))
		}, []string{"1", "2", "1", "1", "1", "1", "1"}, 7, 0, 0},
	} {
		p := pipeline.New("keys")
		in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: pipeline.Text, Time: minute, MaxAhead: 1000 * time.Hour})
		sealed := c.seal(operators.KeyBy(in, "text", func(s string) string { return s }))
		pipeline.Write(p, "out", operators.Finals(sealed), sinks.Func{Name: "out"}, func(operators.Final[string, crdt.GCounter]) ([]byte, error) { return nil, nil })
		cut, err := p.Plan()
		if err != nil {
			t.Fatal(err)
		}
		m, err := shard.NewMachine(&shard.Env{ID: checkpoint.ShardID{Stage: "in"}, Plan: cut, Stage: cut.Stages[0], MarkDistance: 8})
		if err != nil {
			t.Fatal(err)
		}
		log := newStream()
		log.put(c.messages...)
		if _, err := m.Apply(log.messages[:c.after]); err != nil {
			t.Fatal(err)
		}
		out, _ := m.Take()
		keys := 0
		for _, own := range out.Certificates {
			keys += own.Keys
		}
		if len(out.Certificates) != c.certificates || keys != c.keys {
			t.Errorf("%s: %d certificates of %d keys, want %d of %d", name, len(out.Certificates), keys, c.certificates, c.keys)
		}
	}
}
