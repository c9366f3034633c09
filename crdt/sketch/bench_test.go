package sketch_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/sketch"
)

// words is the usual size of a Count-Min sketch.
type words struct{}

func (words) Grid() sketch.Grid { return sketch.Grid{Rows: 5, Columns: 2048} }

// kind says how to benchmark a type: element i is added to a value.
type kind[L any] struct {
	add  func(x *L, element string, i int) L
	read func(x *L)
}

func benchmark[L any, P crdt.Lattice[L]](b *testing.B, k kind[L]) {
	b.Helper()
	names := make([]string, 1_100_000)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	for _, n := range []int{10, 1000, 1_000_000} {
		var x L
		for i := range n {
			k.add(&x, names[i], i)
		}
		run := func(name string, f func(i int)) {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					f(i)
				}
			})
		}
		run("add known", func(i int) { k.add(&x, names[i%n], i%n) })
		run("read", func(int) { k.read(&x) })
		var buf []byte
		run("encode", func(int) { buf, _ = P(&x).AppendBinary(buf[:0]) })
		run("decode", func(int) {
			if err := P(new(L)).UnmarshalBinary(buf); err != nil {
				b.Fatal(err)
			}
		})
		other := crdt.Clone[L, P](&x)
		run("merge equal", func(int) { P(&x).Merge(&other) })
		var deltas []L
		for i := range 1000 {
			var one L
			k.add(&one, names[i%n], i%n)
			deltas = append(deltas, one)
		}
		run("merge delta", func(i int) { P(&x).Merge(&deltas[i%1000]) })
		run("add", func(i int) {
			if i%100_000 == 0 && n < 100_000 || i%n == 0 { // so that it keeps about its size
				x = crdt.Clone[L, P](&other)
			}
			k.add(&x, names[n+i%100_000], n+i)
		})
	}
}

func BenchmarkDistinct(b *testing.B) {
	benchmark(b, kind[sketch.Distinct]{
		add:  func(d *sketch.Distinct, element string, _ int) sketch.Distinct { return d.Add(element) },
		read: func(d *sketch.Distinct) { d.Estimate() },
	})
}

// million is a filter for a million elements: 1.7 MiB when they are no longer listed.
type million struct{}

func (million) Filter() sketch.Filter { return sketch.Filter{Elements: 1_000_000, Bits: 10} }

func BenchmarkMembership(b *testing.B) {
	benchmark(b, kind[sketch.Membership[million]]{
		add: func(m *sketch.Membership[million], element string, _ int) sketch.Membership[million] {
			return m.Add(element)
		},
		read: func(m *sketch.Membership[million]) { m.MayContain("ada") },
	})
}

func BenchmarkFrequencies(b *testing.B) {
	benchmark(b, kind[sketch.Frequencies[words]]{
		add: func(f *sketch.Frequencies[words], element string, _ int) sketch.Frequencies[words] {
			return f.Add("shard-0", element, 1)
		},
		read: func(f *sketch.Frequencies[words]) { f.Estimate("ada") },
	})
}

func BenchmarkQuantiles(b *testing.B) {
	benchmark(b, kind[sketch.Quantiles]{
		add: func(q *sketch.Quantiles, _ string, i int) sketch.Quantiles {
			return q.Add("shard-0", int64(i)*1000, 1)
		},
		read: func(q *sketch.Quantiles) { q.Quantile(0.99) },
	})
}
