package scenarios_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// A pipeline has no cycles, so that what is recursive is asked of a state: the edges are a set that only grows, and the recursion
// runs inside of the question. That its yes is final is then a claim of the user's, which crdttest tries to refute.

// edges is a graph: "a>b".
type edges = crdt.GSet[string]

// edge reads "graph a b".
func edge(line string) string { return word(line, 1) + ">" + word(line, 2) }

func graphs(p *pipeline.Pipeline, shards int) operators.Growing[string, edges] {
	return operators.Distinct("edges", by(lines(p, shards), "graph", 0), edge)
}

// reaches says whether a way of at least one edge leads from one node to another.
func reaches(g *edges, from, to string) bool {
	seen := map[string]bool{}
	for next := []string{from}; len(next) > 0; next = next[1:] {
		for e := range g.All() {
			a, b, _ := strings.Cut(e, ">")
			if a == next[0] && !seen[b] {
				seen[b] = true
				next = append(next, b)
			}
		}
	}
	return seen[to]
}

func reachable(from, to string) crdt.UpSet[edges] {
	return crdt.AssertUpSet(from+" reaches "+to, func(g *edges) bool { return reaches(g, from, to) })
}

// closure is the oracle: Warshall's algorithm over the nodes 0 to n−1.
func closure(n int, in []string) [][]bool {
	m := make([][]bool, n)
	for i := range m {
		m[i] = make([]bool, n)
	}
	for _, line := range in {
		m[number(line, 1)][number(line, 2)] = true
	}
	for k := range n {
		for i := range n {
			for j := range n {
				m[i][j] = m[i][j] || m[i][k] && m[k][j]
			}
		}
	}
	return m
}

func randomGraph(seed uint64, nodes, edges int) (in []string) {
	rng := rand.New(rand.NewPCG(seed, 6))
	for range edges {
		in = append(in, fmt.Sprint("g ", rng.IntN(nodes), " ", rng.IntN(nodes)))
	}
	return in
}

func randomEdges(rng *rand.Rand) (g edges) {
	for range rng.IntN(9) {
		g.Add(fmt.Sprint(rng.IntN(5), ">", rng.IntN(5)))
	}
	return g
}

// samplesOf draws values for the checks.
func samplesOf[L any](seed uint64, n int, draw func(*rand.Rand) L) []L {
	rng := rand.New(rand.NewPCG(seed, 1))
	all := make([]L, n)
	for i := range all {
		all[i] = draw(rng)
	}
	return all
}

// 6. Distributed deadlock detection (CALM): each process in a cycle of waits-for is known as soon as the cycle is there.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	const processes = 5
	b := program(func(p *pipeline.Pipeline, shards int) {
		g := graphs(p, shards)
		for i := range processes {
			name := fmt.Sprint("p", i)
			write(p, name, operators.Threshold(g, reachable(fmt.Sprint(i), fmt.Sprint(i))))
		}
	})
	waits(t, b, 2)
	for seed := range uint64(4) {
		in := randomGraph(seed, processes, 6)
		var right []string
		for i, row := range closure(processes, in) {
			if row[i] {
				right = append(right, fmt.Sprintf("p%d stable g", i))
			}
		}
		everywhere(t, b, in, right...)
	}
	crdttest.CheckUpSet(t, reachable("1", "1"), samplesOf(6, 12, randomEdges))

	// With waits that end, a cycle may be of waits that were never there at one time: a phantom, and not final.
	phantom := crdt.AssertUpSet("cycle", func(s *crdt.TwoPhaseSet[string]) bool {
		var g edges
		for e := range s.All() {
			g.Add(e)
		}
		return reaches(&g, "1", "1")
	})
	waiting := func(line string) (s crdt.TwoPhaseSet[string]) {
		s.Add(edge(line))
		if len(strings.Fields(line)) > 3 {
			s.Remove(edge(line))
		}
		return s
	}
	found(t, func(p *pipeline.Pipeline, shards int) {
		write(p, "deadlock", operators.Threshold(operators.Aggregate("waits", by(lines(p, shards), "graph", 0), waiting), phantom))
	}, logs([]string{"g 1 2", "g 1 2 over"}, []string{"g 2 1"}))
	samples := []crdt.TwoPhaseSet[string]{waiting("g 1 2"), waiting("g 2 1"), waiting("g 1 2 over")}
	if err := crdttest.UpwardClosed(phantom, samples); err == nil {
		t.Error("a phantom deadlock is not refuted")
	}
}

// 8. Reachability, and its complement: the one is final at once, the other when the graph is sealed. What can be said without
// recursion, such as two hops, is monotone by construction, and nothing has to be claimed.
func TestReachability(t *testing.T) {
	t.Parallel()
	const nodes = 5
	ends := func(e string) [2]string { a, b, _ := strings.Cut(e, ">"); return [2]string{a, b} }
	rows := crdt.Project(crdt.Elements[string](), "ends", ends)
	head, tail := func(e [2]string) string { return e[1] }, func(e [2]string) string { return e[0] }
	hops := crdt.Project(crdt.JoinOn(rows, rows, "next", head, tail), "ends", func(r crdt.Row[[2]string, [2]string]) [2]string {
		return [2]string{r.First[0], r.Second[1]}
	})
	b := program(func(p *pipeline.Pipeline, shards int) {
		all := lines(p, shards)
		g := operators.Distinct("edges", by(all, "graph", 0), edge)
		again := operators.Distinct("again", by(all, "graph", 0), edge) // a state can have eight thresholds
		for i := range nodes {
			write(p, fmt.Sprint("reached-", i), operators.Threshold(g, reachable("0", fmt.Sprint(i))))
			write(p, fmt.Sprint("hops-", i), operators.Threshold(again, hops.Contains([2]string{"0", fmt.Sprint(i)})))
		}
	})
	never := program(func(p *pipeline.Pipeline, shards int) {
		writeFinals(p, "unreachable", operators.Seal(graphs(p, shards), operators.EndOfInput()), func(f operators.Final[string, edges]) string {
			var left []string
			for i := range nodes {
				if !reaches(&f.Value, "0", fmt.Sprint(i)) {
					left = append(left, fmt.Sprint(i))
				}
			}
			return sorted(left)
		})
	})
	waits(t, b, 2)
	waits(t, never, 2, endOfAll)
	for seed := range uint64(4) {
		in := randomGraph(seed+20, nodes, 6)
		var right, left []string
		for i, yes := range closure(nodes, in)[0] {
			if yes {
				right = append(right, fmt.Sprintf("reached-%d stable g", i))
			} else {
				left = append(left, fmt.Sprint(i))
			}
			if slices.ContainsFunc(in, func(a string) bool {
				return word(a, 1) == "0" && slices.Contains(in, fmt.Sprint("g ", word(a, 2), " ", i))
			}) {
				right = append(right, fmt.Sprintf("hops-%d stable g", i))
			}
		}
		everywhere(t, b, in, right...)
		everywhere(t, never, in, "unreachable final "+sorted(left))
	}
	crdttest.CheckUpSet(t, reachable("0", "3"), samplesOf(8, 12, randomEdges))

	early := crdt.AssertUpSet("0 does not reach 2", func(g *edges) bool { return g.Len() > 0 && !reaches(g, "0", "2") })
	if err := crdttest.UpwardClosed(early, samplesOf(8, 12, randomEdges)); err == nil {
		t.Error("the complement is not refuted")
	}
	found(t, func(p *pipeline.Pipeline, shards int) {
		write(p, "unreachable", operators.Threshold(graphs(p, shards), early))
	}, logs([]string{"g 0 2"}, []string{"g 1 2"}))
}

// roads is a network: the length of the shortest link between two nodes.
type roads = crdt.Map[string, crdt.Min[int], *crdt.Min[int]]

// distance is the length of the shortest way (Bellman, Ford); false if there is none.
func distance(r *roads, from, to string) (int, bool) {
	known := map[string]int{from: 0}
	for changed := true; changed; {
		changed = false
		for link, length := range r.All() {
			a, b, _ := strings.Cut(link, ">")
			n, _ := length.Value()
			if d, ok := known[a]; ok {
				if old, ok := known[b]; !ok || d+n < old {
					known[b], changed = d+n, true
				}
			}
		}
	}
	d, ok := known[to]
	return d, ok
}

func within(from, to string, limit int) crdt.UpSet[roads] {
	return crdt.AssertUpSet(fmt.Sprintf("%s to %s in %d", from, to, limit), func(r *roads) bool {
		d, ok := distance(r, from, to)
		return ok && d <= limit
	})
}

// networks reads "network a b length". A length below 0 is refused: around a cycle of those there is no shortest way.
func networks(p *pipeline.Pipeline, shards int) operators.Growing[string, roads] {
	s := source("events", shards)
	s.Decode = func(m *pipeline.Message) (string, error) {
		if line := string(m.Data); number(line, 3) < 0 {
			return "", fmt.Errorf("the length of %q is negative", line)
		}
		return pipeline.Text(m)
	}
	return operators.Aggregate("roads", by(pipeline.Read(p, "events", s), "network", 0), func(line string) roads {
		return crdt.MapOf[string, crdt.Min[int]](edge(line), crdt.MinOf(number(line, 3)))
	})
}

// 9. Shortest paths (bud, ShortestPathsL): distances only fall. "At most 30" is final at once; the distance itself at the seal.
func TestShortestPaths(t *testing.T) {
	t.Parallel()
	in := []string{"n a b 11", "n a b 10", "n a c 15", "n b c 20", "n b c 21", "n b d 30", "n c d 5", "n d e 10"} // the data of bud's test
	b := program(func(p *pipeline.Pipeline, shards int) {
		r := networks(p, shards)
		for _, limit := range []int{9, 10, 11} {
			write(p, fmt.Sprint("ab-", limit), operators.Threshold(r, within("a", "b", limit)))
			write(p, fmt.Sprint("ae-", limit+20), operators.Threshold(r, within("a", "e", limit+20)))
		}
	})
	everywhere(t, b, in, "ab-10 stable n", "ab-11 stable n", "ae-30 stable n", "ae-31 stable n")
	waits(t, b, 2)
	exact := program(func(p *pipeline.Pipeline, shards int) {
		writeFinals(p, "exact", operators.Seal(networks(p, shards), operators.EndOfInput()), func(f operators.Final[string, roads]) string {
			var all []string
			for _, way := range []string{"a b", "a c", "a d", "a e", "b c", "b d", "b e", "c d", "c e", "d e", "e a"} {
				if d, ok := distance(&f.Value, word(way, 0), word(way, 1)); ok {
					all = append(all, fmt.Sprint(way[:1], way[2:], d))
				}
			}
			return strings.Join(all, " ")
		})
	})
	everywhere(t, exact, in, "exact final ab10 ac15 ad20 ae30 bc20 bd25 be35 cd5 ce15 de10")
	waits(t, exact, 2, endOfAll)
	if text, err := exact.with(2)().Explain(); err != nil || !strings.Contains(text, "lower-bound") {
		t.Errorf("before the seal the distances are bounds, and the plan does not say so: %v\n%s", err, text)
	}
	out := pipelinetest.Check(t, exact.with(2), deal(2, append(in, "n e a -40")), pipelinetest.Options{})
	if expect(t, out, "exact final ab10 ac15 ad20 ae30 bc20 bd25 be35 cd5 ce15 de10"); len(out.Rejected) != 1 {
		t.Errorf("a cycle of negative length: %v", out.Rejected)
	}

	draw := func(rng *rand.Rand) (r roads) {
		for range rng.IntN(6) {
			link := crdt.MapOf[string, crdt.Min[int]](fmt.Sprint(string("abcd"[rng.IntN(4)]), ">", string("abcd"[rng.IntN(4)])), crdt.MinOf(rng.IntN(20)))
			r.Merge(&link)
		}
		return r
	}
	crdttest.CheckUpSet(t, within("a", "d", 15), samplesOf(9, 14, draw))
	far := crdt.AssertUpSet("farther than 15", func(r *roads) bool { d, ok := distance(r, "a", "d"); return ok && d > 15 })
	if err := crdttest.UpwardClosed(far, samplesOf(9, 14, draw)); err == nil {
		t.Error("a distance that can only fall is said to stay large")
	}
	found(t, func(p *pipeline.Pipeline, shards int) {
		write(p, "far", operators.Threshold(networks(p, shards), far))
	}, logs([]string{"n a d 40"}, []string{"n a d 10"}))
}
