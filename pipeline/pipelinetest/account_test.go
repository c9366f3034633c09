package pipelinetest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// Each record is in exactly one of final results, late records and dead letters, in every schedule.
func TestAccountsBalance(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 3} {
		out := pipelinetest.Check(t, func() *pipeline.Pipeline { return counted(2 * time.Second)(shards) }, logs(shards, 60),
			pipelinetest.Options{Rounds: 10, Owners: 3, Accounts: []pipelinetest.Account{{Write: "counts", Records: records}}})
		if out.Late == 0 || len(out.Rejected) == out.Late {
			t.Errorf("%d late of %d rejected: the test has not met each kind", out.Late, len(out.Rejected))
		}
	}
}

// An account that does not balance is found, as is one that cannot be kept.
func TestAccountsThatDoNotBalance(t *testing.T) {
	t.Parallel()
	build := func() *pipeline.Pipeline {
		p := pipeline.New("filtered")
		some := operators.Filter(read(p, 1), func(r reading) bool { return r.Value != 7 })
		counts := operators.Count("counts", bySensor(some))
		pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.EndOfInput())), nowhere("counts"), encodeSum)
		pipeline.Write(p, "fails", operators.Finals(operators.Seal(counts, operators.EndOfInput())), nowhere("fails"), func(sum) ([]byte, error) { return nil, errBrittle })
		pipeline.Write(p, "any", operators.Threshold(counts, crdt.AtLeast(1)), nowhere("any"), pipeline.EncodeText)
		return p
	}
	for write, want := range map[string]string{
		"counts": "40 records were read above write counts; its results are made of",
		"fails":  "became a dead letter",
		"any":    "the account of any",
		"other":  "no Write of that name",
	} {
		_, err := pipelinetest.Run(build, logs(1, 40), pipelinetest.Options{Accounts: []pipelinetest.Account{{Write: write, Records: records}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", write, err)
		}
	}
}

// parity is a sum without carry. It commutes, but it does not only grow.
type parity struct{ crdt.Max[uint64] }

func (p *parity) Merge(other *parity) bool {
	a, _ := p.Value()
	b, _ := other.Value()
	p.Max = crdt.MaxOf(a ^ b)
	return b != 0
}

// Who reads a lower bound must not read less later: a state that only one log feeds is a function of it, whatever its Merge does, so that
// nothing else shows that it shrinks.
func TestStatesThatShrinkAreFound(t *testing.T) {
	t.Parallel()
	for name, window := range map[string]operators.Windows{"tumbling": operators.Tumbling(time.Hour), "sessions": operators.Sessions(time.Hour)} {
		_, err := pipelinetest.Run(func() *pipeline.Pipeline {
			p := pipeline.New("parity")
			odd := operators.Aggregate("odd", operators.Window(bySensor(read(p, 1)), window), func(r reading) (x parity) {
				x.Max = crdt.MaxOf(r.Value)
				return x
			})
			pipeline.Write(p, "keys", operators.Finals(operators.Seal(odd, operators.EndOfInput())), nowhere("keys"), func(f operators.Final[string, parity]) ([]byte, error) {
				return []byte(f.Key), nil
			})
			return p
		}, logs(1, 60), pipelinetest.Options{})
		f := (*pipelinetest.Failure)(nil)
		if !errors.As(err, &f) || !strings.Contains(err.Error(), "its Merge does not only grow it") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A key that is gone while its window is open has fallen below what could be read of it.
func TestKeysThatAreForgottenAreFound(t *testing.T) {
	t.Parallel()
	var h pipelinetest.History
	if err := h.UnmarshalText([]byte(`calmstream history 1
owners 1
message readings/0 "{\"sensor\":\"a\",\"value\":1}"
message readings/0 "{\"sensor\":\"b\",\"value\":2}"
apply readings/0#0 2
snapshot readings/0#0 full
commit readings/0#0
crash readings/0#0 from 0
snapshot readings/0#0
`)); err != nil {
		t.Fatal(err)
	}
	err := pipelinetest.ReplayPlanted("key forgotten", func() *pipeline.Pipeline {
		p := pipeline.New("forgotten")
		sums := operators.Sum("sums", bySensor(read(p, 1)), valueIn)
		pipeline.Write(p, "many", operators.Threshold(sums, crdt.AtLeast(100)), nowhere("many"), pipeline.EncodeText)
		return p
	}, &h)
	if err == nil || !strings.Contains(err.Error(), `key "b" in window global is gone before`) {
		t.Errorf("got %v", err)
	}
}
