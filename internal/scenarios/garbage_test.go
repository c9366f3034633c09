package scenarios_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// garbageIn lists the nodes of a heap that the root does not reach.
func garbageIn(g *edges) string {
	objects := map[string]bool{}
	for e := range g.All() {
		a, b, _ := strings.Cut(e, ">")
		objects[a], objects[b] = true, true
	}
	maps.DeleteFunc(objects, func(o string, _ bool) bool { return o == "root" || reaches(g, "root", o) })
	return sorted(slices.Collect(maps.Keys(objects)))
}

// 7. Distributed garbage collection (CALM; Marczak): what is reachable is monotone, what is not is the stratum above it, which waits
// until every node has told all its references of an epoch.
func TestGarbageCollection(t *testing.T) {
	t.Parallel()
	b := program(func(p *pipeline.Pipeline, shards int) {
		s := source("events", shards)
		s.Time, s.Producers = second, []string{"n1", "n2", "n3"}
		epochs := operators.Window(by(pipeline.Read(p, "events", s), "heap", 1), operators.Tumbling(10*time.Second))
		refs := operators.Distinct("refs", epochs, func(line string) string { return word(line, 2) })
		writeFinals(p, "collect", operators.Seal(refs, operators.Punctuation()), func(f operators.Final[string, edges]) string {
			return fmt.Sprint(f.Window.Start/1e9-pipelinetest.Start.Unix(), ": ", garbageIn(&f.Value))
		})
	})
	waits(t, b, 2, "to hold the promises of all producers (n1, n2, n3) for the end of the window")
	in := []string{ // the nodes take turns; c lives by a reference of another node, d and e only by each other
		"1 h root>a", "2 h a>b", "3 h b>c", "4 h d>e", "5 h e>d", "6 h x>x",
		"11 h root>a", "12 h d>e", "13 h e>d", "14 h c>b", // and then a lets go of b
	}
	for shards := 1; shards <= 3; shards++ {
		all := deal(shards, in)
		for i := range in {
			l := &all[i%shards]
			l.Producers = append(l.Producers, fmt.Sprint("n", i%3+1))
		}
		expect(t, pipelinetest.Check(t, b.with(shards), all, pipelinetest.Options{}), "collect final 0: d e x", "collect final 10: b c d e")
	}

	// Read before that, a live object is collected in some schedule.
	early := crdt.AssertUpSet("c is garbage", func(g *edges) bool { return strings.Contains(garbageIn(g), "c") })
	collector := program(func(p *pipeline.Pipeline, shards int) {
		write(p, "collect-c", operators.Threshold(operators.Distinct("refs", by(lines(p, shards), "heap", 0), func(line string) string { return word(line, 1) }), early))
	})
	halves := [][]string{{"h root>a", "h a>b"}, {"h b>c"}}
	found(t, collector, logs(halves...))
	d := drive(t, collector, 2)
	push(d, 1, halves[1]...)
	push(d, 0, halves[0]...)
	same(t, results(d.Results("collect-c")), []string{"collect-c stable h"}) // though c is alive
	if err := crdttest.UpwardClosed(early, []edges{crdt.GSetOf("b>c"), crdt.GSetOf("root>a", "a>b")}); err == nil {
		t.Error("garbage before the seal is not refuted")
	}
}

// delivery is a message of a reliable broadcast, and who has it.
type delivery = crdt.Pair[crdt.Point[string], *crdt.Point[string], crdt.GSet[string], *crdt.GSet[string]]

// deliveryOf reads "message is text" and "message ack member".
func deliveryOf(line string) delivery {
	if word(line, 1) == "is" {
		return crdt.PairOf[crdt.Point[string], crdt.GSet[string]](crdt.PointOf(word(line, 2)), crdt.GSet[string]{})
	}
	return crdt.PairOf[crdt.Point[string], crdt.GSet[string]](crdt.Point[string]{}, crdt.GSetOf(word(line, 2)))
}

// 19. Reliable broadcast with garbage collection (Edelweiss): a message is kept until all of a fixed set of members have it.
func TestBroadcastIsReclaimed(t *testing.T) {
	t.Parallel()
	all := crdt.All(crdt.Second[crdt.Point[string], crdt.GSet[string], *crdt.Point[string], *crdt.GSet[string]](
		crdt.All(crdt.Contains("a"), crdt.Contains("b"), crdt.Contains("c"))),
		crdt.First[crdt.Point[string], crdt.GSet[string], *crdt.Point[string], *crdt.GSet[string]](crdt.IsSet[string]()))
	b := program(func(p *pipeline.Pipeline, shards int) {
		kept := operators.Aggregate("kept", by(lines(p, shards), "message", 0), deliveryOf)
		writeFinals(p, "reclaim", operators.SealWhen(kept, all), func(f operators.Final[string, delivery]) string {
			text, _ := f.Value.First().Value()
			return f.Key + " " + text
		})
	})
	waits(t, b, 2)
	in := []string{"m1 is hello", "m1 ack a", "m2 is there", "m1 ack b", "m2 ack a", "m1 ack b", "m1 ack c", "m2 ack c", "m1 is hello", "m1 ack a"}
	everywhere(t, b, in, "reclaim final m1 hello") // b is cut off from m2; what comes again of m1 does not bring it back

	d := drive(t, b, 2)
	for i, line := range in {
		push(d, i%2, line)
	}
	same(t, results(d.Results("reclaim")), []string{"reclaim final m1 hello"})
	push(d, 0, "m2 ack b") // the partition heals
	same(t, results(d.Results("reclaim")), []string{"reclaim final m2 there"})
	push(d, 1, "m2 is there", "m1 is hello", "m2 ack a")
	if again := d.Results("reclaim"); len(again) > 0 || len(d.Rejected()) > 0 {
		t.Errorf("a message came back: %v", again)
	}
	push(d, 0, "m1 is other")
	if late := d.Rejected(); len(late) != 1 || !late[0].Late {
		t.Errorf("what breaks the seal: %v", late)
	}

	// Where the members are those who have been heard of, one who was not loses the message.
	type log = crdt.Map[string, crdt.GSet[string], *crdt.GSet[string]]
	heard := crdt.AssertUpSet("all I know of have m1", func(l *log) bool {
		have, _ := l.Get("m1")
		for _, members := range l.All() {
			for m := range members.All() {
				if !have.Contains(m) {
					return false
				}
			}
		}
		return have.Len() > 0
	})
	acks := func(line string) log {
		return crdt.MapOf[string, crdt.GSet[string]](word(line, 1), crdt.GSetOf(word(line, 2)))
	}
	found(t, func(p *pipeline.Pipeline, shards int) {
		state := operators.Aggregate("acks", by(lines(p, shards), "log", 0), acks)
		write(p, "reclaim", operators.Threshold(state, heard))
	}, logs([]string{"l m2 b"}, []string{"l m1 a"}))
	if err := crdttest.UpwardClosed(heard, []log{acks("l m1 a"), acks("l m2 b")}); err == nil {
		t.Error("a member set of hearsay is not refuted")
	}
}

// inCore peels: it removes the nodes with fewer than k neighbours until none is left, and says whether v remains.
func inCore(g *edges, v string, k int) bool {
	neighbours := map[string]map[string]bool{}
	for e := range g.All() {
		a, b, _ := strings.Cut(e, ">")
		for _, pair := range [][2]string{{a, b}, {b, a}} {
			if neighbours[pair[0]] == nil {
				neighbours[pair[0]] = map[string]bool{}
			}
			if a != b {
				neighbours[pair[0]][pair[1]] = true
			}
		}
	}
	for peeled := true; peeled; {
		peeled = false
		for node, all := range neighbours {
			if len(all) < k {
				delete(neighbours, node)
				for other := range all {
					delete(neighbours[other], node)
				}
				peeled = true
			}
		}
	}
	return neighbours[v] != nil
}

// coreByEnumeration is the oracle: v is in the k-core if some set of nodes holds it in which each has k neighbours.
func coreByEnumeration(nodes int, in []string, v, k int) bool {
	for set := range 1 << nodes {
		good := set>>v&1 == 1
		for i := range nodes {
			degree := map[int]bool{}
			for _, line := range in {
				a, b := number(line, 1), number(line, 2)
				if a != b && (a == i || b == i) && set>>(a+b-i)&1 == 1 {
					degree[a+b-i] = true
				}
			}
			good = good && (set>>i&1 == 0 || len(degree) >= k)
		}
		if good {
			return true
		}
	}
	return false
}

// 20. Membership in the k-core under insertions of edges: it is monotone, though the algorithm takes away. No rule of
// syntax sees that; the user claims it, and crdttest tries to refute the claim.
func TestCoreMembership(t *testing.T) {
	t.Parallel()
	const nodes, k = 5, 2
	core := func(v int) crdt.UpSet[edges] {
		return crdt.AssertUpSet(fmt.Sprint(v, " is in the core"), func(g *edges) bool { return inCore(g, fmt.Sprint(v), k) })
	}
	b := program(func(p *pipeline.Pipeline, shards int) {
		g := graphs(p, shards)
		for v := range nodes {
			write(p, fmt.Sprint("core-", v), operators.Threshold(g, core(v)))
		}
	})
	waits(t, b, 2)
	if text, err := b.with(1)().Explain(); err != nil || !strings.Contains(text, "asserted") {
		t.Errorf("the plan does not say that it rests on a claim: %v\n%s", err, text)
	}
	members := 0
	for seed := range uint64(5) {
		in := randomGraph(seed+200, nodes, 7)
		var right []string
		for v := range nodes {
			if coreByEnumeration(nodes, in, v, k) {
				right = append(right, fmt.Sprintf("core-%d stable g", v))
			}
		}
		members += len(right)
		everywhere(t, b, in, right...)
	}
	if members == 0 {
		t.Error("no graph has a core: nothing is shown")
	}
	crdttest.CheckUpSet(t, core(1), samplesOf(20, 14, func(rng *rand.Rand) edges { return randomEdges(rng) }))
	peeled := crdt.AssertUpSet("1 is peeled", func(g *edges) bool { return g.Len() > 0 && !inCore(g, "1", k) })
	if err := crdttest.UpwardClosed(peeled, samplesOf(20, 14, randomEdges)); err == nil {
		t.Error("what the algorithm takes away is not refuted")
	}
}
