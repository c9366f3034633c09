package crdttest_test

import (
	"errors"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

func mutate(update func(*apart) apart) error {
	return crdttest.Mutator(subsets(func(b bits) apart { return apart{b} }), update)
}

// put is a correct update.
func put(s *apart) apart {
	if s.add([]byte("k")) {
		return apart{letters("k")}
	}
	return apart{}
}

func TestMutator(t *testing.T) {
	t.Parallel()
	calls := 0
	find(t, []finding{
		{name: "set", err: mutate(put)},
		{name: "counter", err: crdttest.Mutator(
			[]crdt.GCounter{counted("a", 3), counted("z", 1)},
			func(c *crdt.GCounter) crdt.GCounter { return c.Add("a", 1) },
			func(c *crdt.GCounter) crdt.GCounter { return c.Add("b", 2) },
		)},
		{"a key is taken out", mutate(func(s *apart) apart {
			delete(s.m, 'a')
			return apart{}
		}), crdttest.LawInflationary, "made b of a, which is not above a"},
		{"reset", crdttest.Mutator(some(), func(s *numbers) numbers {
			*s = crdt.GSetOf(9)
			return crdt.GSetOf(9)
		}), crdttest.LawInflationary, ""},
		{"delta is missing", mutate(func(s *apart) apart {
			put(s)
			return apart{}
		}), crdttest.LawMutator, "merged with its delta c is d"},
		{"delta has more than the state", mutate(func(s *apart) apart {
			put(s)
			return apart{letters("kx")}
		}), crdttest.LawMutator, "merged with its delta c is d"},
		{"delta where nothing changed", crdttest.Mutator([]good{{cell{1, 1}}}, func(g *good) good {
			g.x = max(g.x, 1)
			return good{cell{1, 0}}
		}), crdttest.LawMutator, "did not change a, but its delta is b"},
		{"the state as the delta", mutate(func(s *apart) apart {
			put(s)
			return apart{letters(string(s.keys()))}
		}), crdttest.LawMutator, "has the part c, which a had before"},
		{"counts its calls", mutate(func(s *apart) apart {
			calls++
			key := string(rune('a' + calls%26))
			s.add([]byte(key))
			return apart{letters(key)}
		}), crdttest.LawPure, "made on two copies of a"},
		{"delta counts calls", mutate(func(s *apart) apart {
			calls++
			put(s)
			return apart{letters(string(rune('a' + calls%26)))}
		}), crdttest.LawPure, "made on two copies of a"},
		{"returns the state", mutate(func(s *apart) apart {
			put(s)
			return *s
		}), crdttest.LawNoAlias, "changed when the state grew"},
		{"writes to memory of the state", crdttest.Mutator(subsets(func(b bits) copying { return copying{bits: b} }), func(s *copying) copying {
			if len(s.m) > 0 {
				s.Merge(&copying{bits: letters("k")})
				return copying{bits: letters("k")}
			}
			s.m, s.shared = letters("k").m, true
			return copying{bits: s.bits}
		}), crdttest.LawNoAlias, "changed when the delta grew"},
		{"does not encode", crdttest.Mutator([]failing{{}}, func(*failing) failing { return failing{} }), crdttest.LawEncoding, "no ink"},
	})
}

// counted returns a counter with one origin.
func counted(origin string, n uint64) (c crdt.GCounter) {
	c.Add(origin, n)
	return c
}

// into returns an update that puts a key into a bounded set, as far as there is room.
func into(key byte) func(*bounded) bounded {
	return func(s *bounded) bounded {
		if s.Merge(&bounded{letters(string(key))}) {
			return bounded{letters(string(key))}
		}
		return bounded{}
	}
}

// Each update of a bounded set is right, and so are two; the replicas of four of them disagree.
func TestMutatorLetsReplicasMeet(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawConfluent
	start := []bounded{{}}
	find(t, []finding{
		{name: "three keys", err: crdttest.Mutator(start, into('a'), into('b'), into('c'))},
		{"four keys", crdttest.Mutator(start, into('a'), into('b'), into('c'), into('d')), law, "deltas (0 is the bottom) were merged into a"},
	})
}

func TestMutatorNeedsUpdatesThatChangeSomething(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"no update":       crdttest.Mutator(some()),
		"does nothing":    mutate(func(*apart) apart { return apart{} }),
		"one of them not": crdttest.Mutator(some(), func(s *numbers) numbers { return s.Add(1) }, func(*numbers) numbers { return numbers{} }),
	} {
		if !errors.Is(err, crdttest.ErrVacuous) {
			t.Errorf("%s: want ErrVacuous, got %v", name, err)
		}
	}
}
