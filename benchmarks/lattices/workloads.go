package lattices

import (
	"fmt"
	"slices"
	"sync"

	"github.com/calmstream/calmstream/crdt"
)

// scattered are different numbers that look random (SplitMix64, Steele, Lea, Flood, 2014). Even gaps would let all leaves of a tree split at
// the same time.
func scattered(i int) uint64 {
	z := uint64(i+1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Largest is the size of the largest states.
const Largest = 1_000_000

// names are those of shards and users, in ascending order.
var names = sync.OnceValue(func() []string {
	all := make([]string, Largest+10_000)
	for i := range all {
		all[i] = fmt.Sprintf("user-%07d", i)
	}
	return all
})

// shuffled are the names in no order, and user is one of them.
var shuffled = sync.OnceValue(func() []string {
	all := slices.Clone(names())
	for i := len(all) - 1; i > 0; i-- {
		j := scattered(i) % uint64(i+1)
		all[i], all[j] = all[j], all[i]
	}
	return all
})

func user(i int) string { return shuffled()[i] }

type (
	maxima    = crdt.Map[uint64, crdt.Max[int], *crdt.Max[int]]
	registers = crdt.ORMap[string, crdt.MVRegisterStore[int], *crdt.MVRegisterStore[int]]
	viewed    = crdt.Pair[crdt.GCounter, *crdt.GCounter, crdt.GSet[uint64], *crdt.GSet[uint64]]
	keyed     = crdt.Lex[int, crdt.GSet[uint64], *crdt.GSet[uint64]]
)

// filled makes a state by updates.
func filled[L any](update func(x *L, i int)) func(n int) L {
	return func(n int) (x L) {
		for i := range n {
			update(&x, i)
		}
		return x
	}
}

// Workloads has every type of the catalogue.
func Workloads() []Workload {
	all := append(counters(), sets()...)
	all = append(all, maps()...)
	all = append(all, streams()...)
	all = append(all, rankings()...)
	all = append(all, causal()...)
	return append(all, registersAndFlags()...)
}

func counters() []Workload {
	name := names()
	return []Workload{
		of("GCounter", filled(func(x *crdt.GCounter, i int) { x.Add(name[i], 1) }),
			func(x *crdt.GCounter, n, i int) crdt.GCounter { return x.Add(name[i%n], 1) }),
		of("PNCounter", filled(func(x *crdt.PNCounter, i int) { x.Add(name[i], 1) }),
			func(x *crdt.PNCounter, n, i int) crdt.PNCounter { return x.Subtract(name[i%n], 1) }),
		of("BoundedCounter", filled(func(x *crdt.BoundedCounter, i int) { _, _ = x.Add(name[i], 1<<40) }),
			func(x *crdt.BoundedCounter, n, i int) crdt.BoundedCounter {
				delta, _ := x.Subtract(name[i%n], 1)
				return delta
			}),
		of("Tally", filled(func(x *crdt.Tally, i int) { x.Add(name[i], int64(i)) }),
			func(x *crdt.Tally, n, i int) crdt.Tally { return x.Add(name[i%n], 1) }),
		of("Ledger", filled(func(x *crdt.Ledger[uint64], i int) { x.Record(scattered(i), 1) }),
			func(x *crdt.Ledger[uint64], _, i int) crdt.Ledger[uint64] { return x.Record(scattered(i), 1) }),
		of("ORCounter", filled(func(x *crdt.ORCounter, _ int) { x.Add("shard-0", 1) }),
			func(x *crdt.ORCounter, _, _ int) crdt.ORCounter { return x.Add("shard-0", 1) }),
	}
}

func sets() []Workload {
	return []Workload{
		of("GSet of numbers", filled(func(x *crdt.GSet[uint64], i int) { x.Add(scattered(i)) }),
			func(x *crdt.GSet[uint64], _, i int) crdt.GSet[uint64] { return x.Add(scattered(i)) }),
		of("GSet of strings", filled(func(x *crdt.GSet[string], i int) { x.Add(user(i)) }),
			func(x *crdt.GSet[string], _, i int) crdt.GSet[string] { return x.Add(user(i)) }),
		of("TwoPhaseSet add", filled(func(x *crdt.TwoPhaseSet[uint64], i int) { x.Add(scattered(i)) }),
			func(x *crdt.TwoPhaseSet[uint64], _, i int) crdt.TwoPhaseSet[uint64] { return x.Add(scattered(i)) }),
		of("TwoPhaseSet remove", filled(func(x *crdt.TwoPhaseSet[uint64], i int) { x.Add(scattered(i)) }),
			func(x *crdt.TwoPhaseSet[uint64], n, i int) crdt.TwoPhaseSet[uint64] {
				return x.Remove(scattered(i % n))
			}),
		of("SealedSet in order", filled(func(x *crdt.SealedSet[int64], i int) { x.Put(uint64(i), int64(i)) }),
			func(x *crdt.SealedSet[int64], _, i int) crdt.SealedSet[int64] { return x.Put(uint64(i), int64(i)) }),
		of("SealedSet scattered", filled(func(x *crdt.SealedSet[int64], i int) { x.Put(scattered(i), int64(i)) }),
			func(x *crdt.SealedSet[int64], _, i int) crdt.SealedSet[int64] { return x.Put(scattered(i), int64(i)) }),
	}
}

func maps() []Workload {
	return []Workload{
		of("Map", filled(func(x *maxima, i int) { x.Update(scattered(i), crdt.MaxOf(0)) }),
			func(x *maxima, n, i int) maxima {
				x.Update(scattered(i%n), crdt.MaxOf(i))
				return crdt.MapOf(scattered(i%n), crdt.MaxOf(i))
			}),
		of("LWWMap", filled(func(x *crdt.LWWMap[uint64, uint64], i int) { x.Put(1, "shard-0", scattered(i), 7) }),
			func(x *crdt.LWWMap[uint64, uint64], n, i int) crdt.LWWMap[uint64, uint64] {
				return x.Put(int64(i), "shard-0", scattered(i%n), 8)
			}),
		of("Pair", func(n int) viewed { return crdt.PairOf(crdt.GCounter{}, numbersTo(n)) },
			func(x *viewed, _, i int) viewed {
				return x.UpdateSecond(func(s *crdt.GSet[uint64]) crdt.GSet[uint64] { return s.Add(scattered(i)) })
			}),
		of("Lex", func(n int) keyed { return crdt.LexOf(1, numbersTo(n)) },
			func(x *keyed, _, i int) keyed { return x.Update(1, crdt.GSetOf(scattered(i))) }),
	}
}

func numbersTo(n int) crdt.GSet[uint64] {
	return filled(func(x *crdt.GSet[uint64], i int) { x.Add(scattered(i)) })(n)
}

func streams() []Workload {
	name := names()
	return []Workload{
		of("Frontier", filled(func(x *crdt.Frontier, i int) { x.Advance(name[i], int64(i)) }),
			func(x *crdt.Frontier, n, i int) crdt.Frontier { return x.Advance(name[i%n], int64(n+i)) }),
		of("Intervals in order", filled(func(x *crdt.Intervals, i int) { x.Session(100*int64(i), 10) }),
			func(x *crdt.Intervals, _, i int) crdt.Intervals { return x.Session(100*int64(i), 10) }),
		of("Intervals scattered", filled(func(x *crdt.Intervals, i int) { x.Session(int64(scattered(i)), 10) }),
			func(x *crdt.Intervals, _, i int) crdt.Intervals { return x.Session(int64(scattered(i)), 10) }),
	}
}

// The k of a ranking is its number of elements. Each further element is better than those that are there.
func rankings() []Workload {
	const better = 1 << 63
	return []Workload{
		of("MaxK", func(n int) crdt.MaxK[uint64] {
			x := crdt.NewMaxK[uint64](n)
			for i := range n {
				x.Add(scattered(i) >> 1)
			}
			return x
		}, func(x *crdt.MaxK[uint64], _, i int) crdt.MaxK[uint64] { return x.Add(better + scattered(i)>>1) }),
		of("MinK", func(n int) crdt.MinK[uint64] {
			x := crdt.NewMinK[uint64](n)
			for i := range n {
				x.Add(better + scattered(i)>>1)
			}
			return x
		}, func(x *crdt.MinK[uint64], _, i int) crdt.MinK[uint64] { return x.Add(scattered(i) >> 1) }),
		of("TopK", func(n int) crdt.TopK[uint64, uint64] {
			x := crdt.NewTopK[uint64, uint64](n)
			for i := range n {
				x.Add(scattered(i), scattered(2*i)>>1)
			}
			return x
		}, func(x *crdt.TopK[uint64, uint64], _, i int) crdt.TopK[uint64, uint64] {
			return x.Add(scattered(i), better+scattered(2*i)>>1)
		}),
		of("BottomK", func(n int) crdt.BottomK[uint64, uint64] {
			x := crdt.NewBottomK[uint64, uint64](n)
			for i := range n {
				x.Add(scattered(i), better+scattered(2*i)>>1)
			}
			return x
		}, func(x *crdt.BottomK[uint64, uint64], _, i int) crdt.BottomK[uint64, uint64] {
			return x.Add(scattered(i), scattered(2*i)>>1)
		}),
	}
}

func causal() []Workload {
	write := func(x *registers, i, v int) registers {
		return x.Update("shard-0", user(i), func(r *crdt.MVRegisterStore[int], c *crdt.Clock) { r.Write(c, v) })
	}
	gaps := func(x *crdt.DotContext, i int) crdt.DotContext { return x.Add(crdt.DotOf("shard-0", 2*uint64(i)+2)) }
	return []Workload{
		of("AWSet of numbers add", filled(func(x *crdt.AWSet[uint64], i int) { x.Add("shard-0", scattered(i)) }),
			func(x *crdt.AWSet[uint64], _, i int) crdt.AWSet[uint64] { return x.Add("shard-0", scattered(i)) }),
		of("AWSet of numbers remove", filled(func(x *crdt.AWSet[uint64], i int) { x.Add("shard-0", scattered(i)) }),
			func(x *crdt.AWSet[uint64], n, i int) crdt.AWSet[uint64] { return x.Remove(scattered(i % n)) }),
		of("AWSet of strings add", filled(func(x *crdt.AWSet[string], i int) { x.Add("shard-0", user(i)) }),
			func(x *crdt.AWSet[string], _, i int) crdt.AWSet[string] { return x.Add("shard-0", user(i)) }),
		of("AWSet of strings remove", filled(func(x *crdt.AWSet[string], i int) { x.Add("shard-0", user(i)) }),
			func(x *crdt.AWSet[string], n, i int) crdt.AWSet[string] { return x.Remove(user(i % n)) }),
		of("RWSet add", filled(func(x *crdt.RWSet[string], i int) { x.Add("shard-0", user(i)) }),
			func(x *crdt.RWSet[string], _, i int) crdt.RWSet[string] { return x.Add("shard-0", user(i)) }),
		of("RWSet remove", filled(func(x *crdt.RWSet[string], i int) { x.Add("shard-0", user(i)) }),
			func(x *crdt.RWSet[string], n, i int) crdt.RWSet[string] { return x.Remove("shard-0", user(i%n)) }),
		of("ORMap write", filled(func(x *registers, i int) { write(x, i, 0) }),
			func(x *registers, n, i int) registers { return write(x, i%n, i) }),
		of("ORMap remove", filled(func(x *registers, i int) { write(x, i, 0) }),
			func(x *registers, n, i int) registers { return x.Remove(user(i % n)) }),
		of("DotContext with gaps", filled(func(x *crdt.DotContext, i int) { gaps(x, i) }),
			func(x *crdt.DotContext, _, i int) crdt.DotContext { return gaps(x, i) }),
		of("OpLog", filled(func(x *crdt.OpLog[string], i int) { x.Append("shard-0", user(i)) }),
			func(x *crdt.OpLog[string], _, i int) crdt.OpLog[string] { return x.Append("shard-0", user(i)) }),
	}
}

func registersAndFlags() []Workload {
	return []Workload{
		small("Max", func(x *crdt.Max[int], i int) crdt.Max[int] { return x.Add(i) }),
		small("Min", func(x *crdt.Min[int], i int) crdt.Min[int] { return x.Add(-i) }),
		small("Bool", func(x *crdt.Bool, _ int) crdt.Bool { return x.Raise() }),
		small("Point", func(x *crdt.Point[string], _ int) crdt.Point[string] {
			return x.Assign("a digest of thirty-two bytes long")
		}),
		small("Versioned", func(x *crdt.Versioned[string], i int) crdt.Versioned[string] { return x.Advance(uint64(i), "state") }),
		small("LWWRegister", func(x *crdt.LWWRegister[string], i int) crdt.LWWRegister[string] {
			return x.Write(int64(i), "shard-0", "value")
		}),
		small("LastByTime", func(x *crdt.LastByTime[uint64], i int) crdt.LastByTime[uint64] { return x.Add(int64(i), "event", 7) }),
		small("FirstByTime", func(x *crdt.FirstByTime[uint64], i int) crdt.FirstByTime[uint64] { return x.Add(int64(-i), "event", 7) }),
		small("MVRegister", func(x *crdt.MVRegister[string], _ int) crdt.MVRegister[string] { return x.Write("shard-0", "value") }),
		small("EWFlag", func(x *crdt.EWFlag, _ int) crdt.EWFlag { return x.Enable("shard-0") }),
		small("DWFlag", func(x *crdt.DWFlag, _ int) crdt.DWFlag { return x.Disable("shard-0") }),
		small("ArgMax", func(x *crdt.ArgMax[uint64, string], i int) crdt.ArgMax[uint64, string] {
			return x.Add(uint64(i), "key")
		}),
		small("ArgMin", func(x *crdt.ArgMin[int, string], i int) crdt.ArgMin[int, string] { return x.Add(-i, "key") }),
	}
}
