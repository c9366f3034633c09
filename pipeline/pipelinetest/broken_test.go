package pipelinetest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// unwritable is a lattice that cannot be encoded, and unreadable one that cannot be decoded.
type (
	unwritable struct{ crdt.Max[uint64] }
	unreadable struct{ crdt.Max[uint64] }
)

func (u *unwritable) Merge(other *unwritable) bool        { return u.Max.Merge(&other.Max) }
func (u *unwritable) AppendBinary([]byte) ([]byte, error) { panic(errBrittle) }
func (u *unreadable) Merge(other *unreadable) bool        { return u.Max.Merge(&other.Max) }
func (u *unreadable) UnmarshalBinary([]byte) error        { panic(errBrittle) }
func aggregate[L any, P crdt.Lattice[L]](shards int) func() *pipeline.Pipeline {
	return func() *pipeline.Pipeline {
		p := pipeline.New("broken")
		state := operators.Aggregate[string, reading, L, P]("state", bySensor(read(p, shards)), func(reading) (l L) { return l })
		pipeline.Write(p, "keys", operators.Finals(operators.Seal(state, operators.EndOfInput())), nowhere("keys"), func(f operators.Final[string, L]) ([]byte, error) {
			return []byte(f.Key), nil
		})
		return p
	}
}

// A lattice that panics while it is encoded or decoded ends its shard with an error that names it, not the process.
func TestLatticeThatPanics(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		build  func() *pipeline.Pipeline
		shards int
	}{
		"snapshot": {aggregate[unwritable](1), 1},
		"restore":  {aggregate[unreadable](1), 1},
		"receive":  {aggregate[unreadable](2), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pipelinetest.Run(c.build, logs(c.shards, 30), pipelinetest.Options{Rounds: 30})
			if err == nil || !strings.Contains(err.Error(), "aggregate state") || !strings.Contains(err.Error(), "panicked: brittle") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Several inputs, each with exchanges of its own, do not meet.
func TestSeveralInputs(t *testing.T) {
	t.Parallel()
	in := logs(2, 40)
	for _, l := range logs(3, 30) {
		l.Read = "others"
		in = append(in, l)
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("several")
		first := read(p, 2)
		var subjects []string
		for i := range 3 {
			subjects = append(subjects, fmt.Sprintf("others.%d", i))
		}
		second := pipeline.Read(p, "others", pipeline.Source[reading]{Stream: "OTHERS", Subjects: subjects, Decode: pipeline.JSON[reading], Time: reading.time})
		for i, s := range []operators.Stream[reading]{first, second} {
			name := []string{"one", "two"}[i]
			counts := operators.Count(name, bySensor(s))
			values := operators.Count(name+"-values", operators.KeyBy(s, "value", valueIn))
			pipeline.Write(p, name, operators.Finals(operators.Seal(counts, operators.EndOfInput())), nowhere(name), encodeSum)
			pipeline.Write(p, name+"-values", operators.Finals(operators.Seal(values, operators.EndOfInput())), nowhere(name+"-values"), func(f operators.Final[uint64, crdt.GCounter]) ([]byte, error) {
				return fmt.Append(nil, f.Value.Value()), nil
			})
		}
		return p
	}, in, pipelinetest.Options{Rounds: 20})
	broken := len(out.Rejected)
	one, two := total(t, out, "one"), total(t, out, "two")
	if one != total(t, out, "one-values") || two != total(t, out, "two-values") || one+two+uint64(broken) != 2*40+3*30 {
		t.Errorf("%d and %d records, %d broken", one, two, broken)
	}
}

// Keys of another encoding are other keys, and begin anew.
func TestKeysOfOtherKindsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]string{
		keyed(func(reading) string { return "" })(t):    "string",
		keyed(func(r reading) int64 { return r.At })(t): "signed",
		keyed(valueIn)(t): "unsigned",
	}
	if len(seen) != 3 {
		t.Errorf("one fingerprint for several kinds of keys: %v", seen)
	}
}

// keyed returns the fingerprint of a pipeline that differs from others in its key only.
func keyed[K operators.Key](key func(reading) K) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		p := pipeline.New("keyed")
		counts := operators.Count("counts", operators.KeyBy(read(p, 1), "key", key))
		pipeline.Write(p, "some", operators.Threshold(counts, crdt.AtLeast(1)), nowhere("some"), pipeline.EncodeJSON)
		id, err := p.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
}
