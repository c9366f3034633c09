package shard_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// BenchmarkWindows counts messages by their subject in windows that are sealed and handed on: hopping ones, of which each record is
// in five, and sessions that grow and end. Beside each is a loop over Go maps that does the same without an engine.
// A message is stored every millisecond.
func BenchmarkWindows(b *testing.B) {
	const size, slide, gap = 10 * time.Second, 2 * time.Second, time.Second
	even := make([]plan.Message, 1<<14) // a thousand keys in turn
	for i := range even {
		even[i].Subject = fmt.Sprintf("key-%012d", (i*7919)%1000)
	}
	bursts := make([]plan.Message, 512*300) // each key three times within 300 ms, and then not for 2.7 s
	for i := range bursts {
		bursts[i].Subject = fmt.Sprintf("key-%012d", i/300%10*100+i%100)
	}
	for _, c := range []struct {
		name     string
		messages []plan.Message
		windows  operators.Windows
		loop     func() func(subject string, at int64)
	}{
		{"hopping", even, operators.Hopping(size, slide), func() func(string, int64) { return hoppingLoop(int64(size), int64(slide)) }},
		{"sessions", bursts, operators.Sessions(gap), func() func(string, int64) { return sessionLoop(int64(gap)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			count := c.loop()
			inTurn(b, c.messages, contender{"engine", checkpointing(b, windowed(b, c.windows))}, contender{"loop", func(batch []plan.Message) {
				for i := range batch {
					count(batch[i].Subject, batch[i].Time)
				}
			}})
		})
	}
}

// checkpointing is applier with a checkpoint now and then, as a shard takes them.
func checkpointing(t testing.TB, m *shard.Machine) func([]plan.Message) {
	t.Helper()
	const every = 100_000
	seen := 0
	return func(batch []plan.Message) {
		apply(t, m, batch)
		if seen += len(batch); seen >= every {
			seen = 0
			if _, err := m.Snapshot("", false); err != nil {
				t.Fatal(err)
			}
			m.Settle(true)
		}
	}
}

// Nothing is allocated for a record in windows that open and are sealed: what is handed on is named many at a time, and hopping
// windows and sessions share the keys. A tumbling window copies those that are new in it, here 200 for 3,000 records.
func TestWindowsDoNotAllocate(t *testing.T) { //nolint:paralleltest // it counts allocations
	for _, c := range []struct {
		name    string
		windows operators.Windows
		most    float64
	}{
		{"tumbling", operators.Tumbling(3 * time.Second), 0.1},
		{"hopping", operators.Hopping(10*time.Second, 2*time.Second), 0.02},
		{"sessions", operators.Sessions(800 * time.Millisecond), 0.02},
	} {
		m, seq := windowed(t, c.windows), 0
		batch := make([]plan.Message, 4096)
		step := func() {
			for i := range batch {
				seq++ // a hundred keys, each ten times in a second of every two
				batch[i] = plan.Message{Subject: keys[seq/1000%2*100+seq%100], Seq: uint64(seq), Time: int64(seq) * int64(time.Millisecond)}
			}
			apply(t, m, batch)
		}
		for range 20 {
			step()
		}
		if got := testing.AllocsPerRun(10, step) / float64(len(batch)); got > c.most {
			t.Errorf("%s: %.3f allocations for a record, want %v", c.name, got, c.most)
		}
	}
}

var keys = func() (all []string) {
	for i := range 200 {
		all = append(all, keyOf(i))
	}
	return all
}()

func windowed(b testing.TB, w operators.Windows) *shard.Machine {
	b.Helper()
	return machineOf(b, func(p *pipeline.Pipeline) {
		in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: func(m *pipeline.Message) (string, error) { return m.Subject, nil }})
		bySubject := operators.KeyBy(in, "subject", func(s string) string { return s })
		counts := operators.Count("counts", operators.Window(bySubject, w))
		late := operators.Filter(operators.Finals(operators.Seal(counts, operators.Watermark(0))), func(f operators.Final[string, crdt.GCounter]) bool { return f.Value.Value() == 0 })
		pipeline.Write(p, "out", late, sinks.Func{Name: "out"}, func(operators.Final[string, crdt.GCounter]) ([]byte, error) { return nil, nil })
	})
}

// sealedCount is what the loops hand on.
type sealedCount struct {
	key   string
	start int64
	count uint64
}

// hoppingLoop keeps a map for each window, and hands its counts on in the order of their keys when its end has passed.
func hoppingLoop(size, slide int64) func(string, int64) {
	windows := make(map[int64]map[string]*uint64)
	next := int64(0) // the first window that is open
	var out []sealedCount
	return func(key string, at int64) {
		for start := at - at%slide; start > at-size; start -= slide {
			counts := windows[start]
			if counts == nil {
				counts = make(map[string]*uint64)
				windows[start] = counts
			}
			n := counts[key]
			if n == nil {
				n = new(uint64)
				counts[key] = n
			}
			*n++
		}
		for ; next+size <= at; next += slide {
			out = out[:0]
			for key, n := range windows[next] {
				out = append(out, sealedCount{key, next, *n})
			}
			slices.SortFunc(out, func(a, b sealedCount) int { return compareKeys(a.key, b.key) })
			delete(windows, next)
		}
	}
}

func compareKeys(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// sessionLoop keeps the open session of each key, and a queue of when they may have ended.
func sessionLoop(gap int64) func(string, int64) {
	type session struct {
		first, last int64
		count       uint64
	}
	type check struct {
		key string
		at  int64
	}
	open := make(map[string]*session)
	var queue []check
	var out []sealedCount
	return func(key string, at int64) {
		s := open[key]
		if s == nil {
			s = &session{first: at}
			open[key] = s
			queue = append(queue, check{key, at + gap})
		}
		s.last, s.count = at, s.count+1
		out = out[:0]
		for len(queue) > 0 && queue[0].at <= at {
			c := queue[0]
			queue = queue[1:]
			if s := open[c.key]; s.last+gap > at {
				queue = append(queue, check{c.key, s.last + gap})
			} else {
				out = append(out, sealedCount{c.key, s.first, s.count})
				delete(open, c.key)
			}
		}
	}
}
