package scenarios_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// 15. A replicated store of keys and values (Anna; Bloom^L): puts are free, a get is exact at the seal only, and that a put has
// reached a quorum of replicas is final.
func TestReplicatedStore(t *testing.T) {
	t.Parallel()
	lastWriter := program(func(p *pipeline.Pipeline, shards int) { // "key time writer value"
		put := func(line string) (r crdt.LWWRegister[string]) {
			return r.Write(int64(number(line, 1)), word(line, 2), word(line, 3))
		}
		state := operators.Aggregate("store", by(lines(p, shards), "key", 0), put)
		writeFinals(p, "get", operators.Seal(state, operators.EndOfInput()), func(f operators.Final[string, crdt.LWWRegister[string]]) string {
			v, _ := f.Value.Value()
			return f.Key + "=" + v
		})
	})
	everywhere(t, lastWriter, []string{"x 2 ann new", "x 1 bob old", "y 5 bob right", "y 5 ann left", "x 1 zoe older", "y 4 zoe before"},
		"get final x=new", "get final y=right") // of equal times the larger writer wins
	waits(t, lastWriter, 2, endOfAll)

	// Each client writes to its own copy of the register, and sends the delta.
	var in []string
	send := func(key string, delta crdt.MVRegister[string]) {
		data, err := delta.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, key+" "+base64.StdEncoding.EncodeToString(data))
	}
	var ann, bob, zoe crdt.MVRegister[string]
	send("x", ann.Write("ann", "red"))
	send("x", bob.Write("bob", "blue")) // concurrent: both stay
	send("x", bob.Write("bob", "navy")) // which has seen blue, and not red
	for _, c := range []*crdt.MVRegister[string]{&ann, &bob} {
		zoe.Merge(c)
	}
	for i := range in[:3] {
		in = append(in, "y"+in[i][1:]) // the same in y, where zoe settles the matter
	}
	send("y", zoe.Write("zoe", "violet"))
	several := program(func(p *pipeline.Pipeline, shards int) {
		put := func(line string) (r crdt.MVRegister[string]) {
			data, err := base64.StdEncoding.DecodeString(word(line, 1))
			if err == nil {
				err = r.UnmarshalBinary(data)
			}
			if err != nil {
				panic(err) // a dead letter
			}
			return r
		}
		state := operators.Aggregate("store", by(lines(p, shards), "key", 0), put)
		writeFinals(p, "get", operators.Seal(state, operators.EndOfInput()), func(f operators.Final[string, crdt.MVRegister[string]]) string {
			return f.Key + "=" + sorted(f.Value.Values())
		})
	})
	everywhere(t, several, in, "get final x=navy red", "get final y=violet")

	quorum := program(func(p *pipeline.Pipeline, shards int) { // "put replica"
		have := operators.Distinct("have", by(lines(p, shards), "put", 0), func(line string) string { return word(line, 1) })
		write(p, "durable", operators.Threshold(have, crdt.SizeAtLeast[string](2)))
	})
	everywhere(t, quorum, []string{"1 r1", "2 r1", "1 r1", "1 r3", "2 r1", "3 r2", "1 r2"}, "durable stable 1")
	waits(t, quorum, 2)

	// Where the last to arrive wins, replicas differ.
	found(t, func(p *pipeline.Pipeline, shards int) {
		state := operators.Aggregate("store", by(lines(p, shards), "key", 0), func(line string) lastCart { return lastCart{crdt.MaxOf(word(line, 1))} })
		writeFinals(p, "get", operators.Seal(state, operators.EndOfInput()), func(f operators.Final[string, lastCart]) string {
			v, _ := f.Value.Value()
			return v
		})
	}, logs([]string{"x old"}, []string{"x new"}))
}

// balances reads "account amount", and shows each balance and the sum of all at each recorded cut.
func balances(p *pipeline.Pipeline, shards int) {
	s := source("events", shards)
	s.Cuts = true
	in := pipeline.Read(p, "events", s)
	amount := func(line string) int64 { return int64(number(line, 1)) }
	show := func(f operators.Final[string, exact.Sum]) string {
		v, _ := f.Value.Int64()
		return fmt.Sprint(f.Window, " ", f.Key, " ", v)
	}
	accounts := operators.SumSigned("accounts", operators.Window(by(in, "account", 0), operators.UpToCut()), amount)
	writeFinals(p, "balance", operators.Seal(accounts, operators.RecordedCut()), show)
	bank := operators.KeyBy(in, "bank", func(string) string { return "all" })
	writeFinals(p, "bank", operators.Seal(operators.SumSigned("bank", operators.Window(bank, operators.UpToCut()), amount), operators.RecordedCut()), show)
}

func cutMarker(n int) map[string][]string {
	return map[string][]string{"Calm-Seal": {"cut"}, "Calm-Cut": {strconv.Itoa(n)}}
}

// 16. A view that can be retracted (Wrapping Rings in Lattices; DBSP): it converges, is never final, and is published at a cut:
// the legs of each transfer are in different shards, and still the sum over all accounts is 0.
func TestBalancesAtACut(t *testing.T) {
	t.Parallel()
	const cuts = 4
	for shards := 1; shards <= 3; shards++ {
		rng := rand.New(rand.NewPCG(uint64(shards), 16))
		all, now := deal(shards, nil), map[string]int{}
		var right []string
		for cut := 1; cut <= cuts; cut++ {
			changed := map[string]bool{}
			for range 1 + rng.IntN(6) {
				from, to, amount := fmt.Sprint("a", rng.IntN(4)), fmt.Sprint("a", rng.IntN(4)), rng.IntN(90)
				for i, leg := range []string{fmt.Sprint(from, " ", -amount), fmt.Sprint(to, " ", amount)} {
					l := &all[(rng.IntN(shards)+i)%shards]
					l.Messages, l.Headers = append(l.Messages, []byte(leg)), append(l.Headers, nil)
					changed[word(leg, 0)] = true
					now[word(leg, 0)] += number(leg, 1)
				}
			}
			for account := range changed {
				right = append(right, fmt.Sprintf("balance final cut %d %s %d", cut, account, now[account]))
			}
			right = append(right, fmt.Sprintf("bank final cut %d all 0", cut))
			for i := range all { // all markers at once, as producer.Cut puts them
				all[i].Messages, all[i].Headers = append(all[i].Messages, nil), append(all[i].Headers, cutMarker(cut))
			}
		}
		expect(t, pipelinetest.Check(t, program(balances).with(shards), all, pipelinetest.Options{}), right...)
	}
	waits(t, balances, 2, "to come to the recorded cut", "to come to the recorded cut")

	// Shards that are read whenever they happen to be read know one leg without the other.
	torn := logs([]string{"a -5", "", "b 7"}, []string{"", "b 5", "a -7"})
	torn[0].Headers, torn[1].Headers = []map[string][]string{1: cutMarker(1)}, []map[string][]string{cutMarker(1)}
	out := pipelinetest.Check(t, program(balances).with(2), torn, pipelinetest.Options{})
	if got := strings.Join(results(out.Results), "\n"); !strings.Contains(got, "bank final cut 1 all -5") {
		t.Errorf("the sum of a torn cut is not off:\n%s", got)
	}
	// A ring is no lattice: what comes twice counts twice. So its threshold does not compile either: see testdata/illegal.
	if err := crdttest.Laws([]net{{crdt.MaxOf(int64(3))}}); err == nil {
		t.Error("a sum that is merged by addition passes as a lattice")
	}
}

// net is a sum that is merged by addition.
type net struct{ crdt.Max[int64] }

func (n *net) Merge(other *net) bool {
	a, _ := n.Value()
	b, ok := other.Value()
	n.Max = crdt.MaxOf(a + b)
	return ok
}

// The bilinear join of two views: each side is a ledger of signed weights by the id of their record, so that what is delivered
// twice counts once, and the product is read at the seal.
func TestJoinOfRetractableViews(t *testing.T) {
	t.Parallel()
	type weights = crdt.Ledger[string]
	type sides = crdt.Pair[weights, *weights, weights, *weights]
	weight := func(line string) (w weights) { return w.Record(word(line, 1), int64(number(line, 2))) } // "key id weight"
	b := program(func(p *pipeline.Pipeline, shards int) {
		both := operators.Cogroup("both",
			by(input(p, "left", shards), "key", 0), func(line string) sides { return crdt.PairOf[weights, weights](weight(line), weights{}) },
			by(input(p, "right", shards), "key", 0), func(line string) sides { return crdt.PairOf[weights, weights](weights{}, weight(line)) })
		writeFinals(p, "join", operators.Seal(both, operators.EndOfInput()), func(f operators.Final[string, sides]) string {
			left, _ := f.Value.First().Sum()
			right, _ := f.Value.Second().Sum()
			return fmt.Sprint(f.Key, " ", left*right)
		})
	})
	left, right := []string{"k l1 1", "k l2 1", "k l3 -1", "m l4 1", "m l5 -1"}, []string{"k r1 1", "k r2 1", "k r3 1", "m r4 1"}
	everywhereOf(t, b, map[string][]string{"left": append(left, left...), "right": append(right, right...)}, "join final k 3", "join final m 0")
	waits(t, b, 2, "the end marker of all 4 shards of left, right")
}
