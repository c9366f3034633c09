package kernel_test

import (
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// entries are a ranking of a thousand.
func entries() *kernel.Ranking[string, int64] {
	r := &kernel.Ranking[string, int64]{Limit: 1000}
	for i := range r.Limit {
		r.Put(plan.Ranked[string, int64]{Key: keyText(i), Score: int64(i)})
	}
	return r
}

func keyText(i int) string {
	return string([]byte{'k', byte('a' + i/100), byte('a' + i/10%10), byte('a' + i%10)})
}

// To encode a ranking costs no allocation for an entry, and neither does an entry on its way to it; decoding allocates the key.
func TestEntriesOfARankingDoNotAllocate(t *testing.T) { //nolint:paralleltest // it counts allocations
	ranking := entries()
	var buf []byte
	encode := func() {
		var err error
		if buf, err = ranking.AppendBinary(buf[:0]); err != nil {
			t.Fatal(err)
		}
	}
	if got := testing.AllocsPerRun(10, encode); got > 20 {
		t.Errorf("encoding 1000 entries allocates %v times", got)
	}
	decode := func() {
		if err := new(kernel.Ranking[string, int64]).UnmarshalBinary(buf); err != nil {
			t.Fatal(err)
		}
	}
	if got := testing.AllocsPerRun(10, decode); got > 1050 {
		t.Errorf("decoding 1000 entries allocates %v times", got)
	}
	codec, e := kernel.RankedCodec[string, int64](), ranking.Entries[0]
	send := func() {
		var err error
		if buf, err = codec.Append(buf[:0], &e); err != nil {
			t.Fatal(err)
		}
	}
	if got := testing.AllocsPerRun(100, send); got > 0 {
		t.Errorf("sending an entry allocates %v times", got)
	}
	if back, err := codec.Decode(buf); err != nil || back != e {
		t.Errorf("%+v came back as %+v: %v", e, back, err)
	}
	if _, err := codec.Decode(append(buf, 0)); err == nil {
		t.Error("an entry with a byte behind it was decoded")
	}
}

func BenchmarkRanking(b *testing.B) {
	ranking := entries()
	var buf []byte
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = ranking.AppendBinary(buf[:0])
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = new(kernel.Ranking[string, int64]).UnmarshalBinary(buf)
		}
	})
}
