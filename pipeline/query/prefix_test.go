package query_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/query"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// quiet drops the log of runs whose answers say enough.
var quiet = slog.New(slog.DiscardHandler)

// discard is a destination that nobody looks at.
func discard(name string) sinks.Sink {
	return sinks.Func{Name: name, Do: func(context.Context, sinks.Record) error { return nil }}
}

func encodeFinal(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
	return strconv.AppendUint(nil, f.Value.Value(), 10), nil
}

// visit is a record: a key, and its event time in seconds.
type visit struct {
	key string
	at  int64
}

func decodeVisit(m *pipeline.Message) (visit, error) {
	key, at, _ := strings.Cut(string(m.Data), " ")
	seconds, err := strconv.ParseInt(at, 10, 64)
	return visit{key, seconds}, err
}

// sites counts visits in every kind of window.
type sites struct {
	*pipeline.Pipeline
	all, tumbling, hopping, sessions operators.Shared[string, crdt.GCounter]
}

const (
	size, slide, gap, lateness = 20, 10, 5, 2 // seconds
)

func newSites() *sites {
	p := pipeline.New("sites")
	in := pipeline.Read(p, "visits", pipeline.Source[visit]{Stream: "VISITS", Decode: decodeVisit, Time: func(v visit) time.Time { return time.Unix(v.at, 0) }})
	keyed := operators.KeyBy(in, "site", func(v visit) string { return v.key })
	all := operators.Count("all", keyed)
	pipeline.Write(p, "many", operators.Threshold(all, crdt.AtLeast(1000)), discard("many"), pipeline.EncodeText)
	windowed := func(name string, w operators.Windows) operators.Shared[string, crdt.GCounter] {
		counts := operators.Count(name, operators.Window(keyed, w))
		pipeline.Write(p, name, operators.Finals(operators.Seal(counts, operators.Watermark(lateness*time.Second))), discard(name), encodeFinal)
		return operators.Share(counts)
	}
	return &sites{
		p, operators.Share(all), windowed("tumbling", operators.Tumbling(size*time.Second)),
		windowed("hopping", operators.Hopping(size*time.Second, slide*time.Second)), windowed("sessions", operators.Sessions(gap*time.Second)),
	}
}

// model is what the records up to a position say, by a loop over all of them.
type model struct{ records []visit }

// frontier returns the largest time among the first n records, and whether there is one.
func (m *model) complete(n int) (before int64, ok bool) {
	for _, v := range m.records[:n] {
		before, ok = max(before, v.at-lateness), true
	}
	return before, ok
}

// count counts the records of a key in a window that were not late when they came.
func (m *model) count(n int, key string, start, end int64) (count uint64, gone bool) {
	for i, v := range m.records[:n] {
		if before, ok := m.complete(i); v.key == key && start <= v.at && v.at < end && (!ok || before < end) {
			count++
		}
	}
	before, ok := m.complete(n)
	return count, ok && before >= end
}

// session counts the records of the session of a key that holds an instant.
func (m *model) session(n int, key string, instant int64) (count uint64, gone bool) {
	var times []int64
	for i, v := range m.records[:n] {
		if before, ok := m.complete(i); v.key == key && (!ok || before < v.at+1) {
			times = append(times, v.at)
		}
	}
	slices.Sort(times)
	before, ok := m.complete(n)
	for from := 0; from < len(times); {
		to := from + 1
		for to < len(times) && times[to]-times[to-1] < gap {
			to++
		}
		if end := times[to-1] + gap; times[from] <= instant && instant < end && (!ok || before < end) {
			return uint64(to - from), false
		}
		from = to
	}
	return 0, ok && before >= instant+1
}

// asker asks one state of the sites and holds the answers against the model.
type asker struct {
	t     *testing.T
	m     *model
	of    query.Of
	state map[string]*query.State[string, crdt.GCounter]
	// last is the newest position of an answer about each state.
	last    map[string]uint64
	seen    map[uint64]bool
	present int
	gone    int
}

func (a *asker) ask(name, key string, instant int64) {
	a.t.Helper()
	s := a.state[name].At(time.Unix(instant, 0))
	answer, err := query.LowerBound(a.t.Context(), s, key, crdt.CountOf())
	if err != nil && !errors.Is(err, query.ErrGone) {
		a.t.Fatalf("%s of %s at %d: %v", name, key, instant, err)
	}
	at := answer.Position.Seq
	if at < a.last[name] {
		a.t.Fatalf("%s: an answer at %d came after one at %d", name, at, a.last[name])
	}
	a.last[name], a.seen[at] = at, true
	if answer.Position.Stage != "visits" || answer.Position.Shard != 0 {
		a.t.Fatalf("%s: the answer is of %v", name, answer.Position)
	}
	if live := strings.HasPrefix(answer.Origin, "worker "); live != (a.of == query.WorkersFirst) {
		a.t.Fatalf("%s: the answer is by %q", name, answer.Origin)
	}
	want, gone := a.want(name, key, instant, int(at))
	if gone {
		a.gone++
	}
	if errors.Is(err, query.ErrGone) != gone {
		a.t.Fatalf("%s of %s at %d, position %d: gone is %v, got %v", name, key, instant, at, gone, err)
	}
	if gone {
		return
	}
	value, known := answer.Value()
	if got, _ := value.Value(); got != want || !known || answer.Verdict() != crdt.LowerBound {
		a.t.Fatalf("%s of %s at %d, position %d: got %v, want %d", name, key, instant, at, answer, want)
	}
	if want > 0 {
		a.present++
	}
	a.threshold(s, name, key, instant, want)
}

// threshold asks for what was just answered: it can only have grown, or gone.
func (a *asker) threshold(s *query.State[string, crdt.GCounter], name, key string, instant int64, least uint64) {
	a.t.Helper()
	answer, err := s.Threshold(a.t.Context(), key, crdt.AtLeast(least))
	if errors.Is(err, query.ErrGone) {
		return
	}
	if _, yes := answer.Value(); err != nil || !yes || answer.Verdict() != crdt.Stable {
		a.t.Fatalf("%s of %s at %d: %d was known before, and is %v, %v", name, key, instant, least, answer, err)
	}
	more, err := s.Threshold(a.t.Context(), key, crdt.AtLeast(1<<40))
	if _, yes := more.Value(); err == nil && yes {
		a.t.Fatalf("%s of %s at %d has reached 1<<40: %v", name, key, instant, more)
	}
}

func (a *asker) want(name, key string, instant int64, n int) (count uint64, gone bool) {
	switch name {
	case "tumbling":
		start := instant - instant%size
		return a.m.count(n, key, start, start+size)
	case "hopping":
		start := instant - instant%slide
		return a.m.count(n, key, start, start+size)
	case "sessions":
		return a.m.session(n, key, instant)
	}
	for _, v := range a.m.records[:n] {
		if v.key == key {
			count++
		}
	}
	return count, false
}

// Each answer is what a loop over the records up to its position says, in every kind of window, while the worker runs and checkpoints are
// merged and replaced, and once it has stopped; from checkpoints, and from a worker that has what no checkpoint has yet.
func TestAnswersAreThoseOfTheirPosition(t *testing.T) {
	t.Parallel()
	t.Run("checkpoints", func(t *testing.T) {
		t.Parallel()
		answersAreThoseOfTheirPosition(t, 120, query.Checkpoints, pipeline.Config{CheckpointEvery: time.Millisecond})
	})
	t.Run("workers", func(t *testing.T) {
		t.Parallel()
		answersAreThoseOfTheirPosition(t, 120, query.WorkersFirst, pipeline.Config{CheckpointEvery: time.Hour, Queries: true})
	})
}

func answersAreThoseOfTheirPosition(t *testing.T, rounds int, of query.Of, cfg pipeline.Config) {
	t.Helper()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "VISITS"}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	p, monitor := newSites(), new(pipeline.Monitor)
	go func() {
		cfg.Conn, cfg.Logger, cfg.Monitor = conn, quiet, monitor
		ended <- p.Run(ctx, cfg)
	}()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	a := &asker{t: t, m: new(model), of: of, state: openSites(t, srv, of), last: make(map[string]uint64), seen: make(map[uint64]bool)}
	natstest.Eventually(t, "the worker runs", monitor.Running)
	pad := strings.Repeat("x", 150)
	names, now := []string{"all", "tumbling", "hopping", "sessions"}, int64(100)
	someKey := func() string { return fmt.Sprint("k", random.IntN(12), pad) }
	if testing.Short() {
		rounds = rounds * 2 / 5
	}
	for range rounds {
		for range 5 {
			now += random.Int64N(3)
			v := visit{someKey(), now - random.Int64N(5)}
			if random.IntN(20) == 0 {
				v.at = max(0, now-random.Int64N(60))
			}
			a.m.records = append(a.m.records, v)
			if _, err := js.Publish(t.Context(), "VISITS", fmt.Appendf(nil, "%s %d", v.key, v.at)); err != nil {
				t.Fatal(err)
			}
		}
		a.ask(names[random.IntN(4)], someKey(), max(0, now+5-random.Int64N(40)))
	}
	natstest.Eventually(t, "all is read", func() bool {
		shards := monitor.Shards()
		return len(shards) == 1 && shards[0].Position == uint64(len(a.m.records))
	})
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if a.of = query.Checkpoints; of == query.Checkpoints {
		a.state = openSites(t, srv, of) // by a program that comes later
	}
	for i := range 12 {
		for _, name := range names {
			for _, ago := range []int64{-3, 0, 2, 5, 9, 15, 40} {
				a.ask(name, fmt.Sprint("k", i, pad), now-ago)
			}
			if a.last[name] != uint64(len(a.m.records)) {
				t.Fatalf("%s: the worker has stopped at %d, and the answers are of %d", name, len(a.m.records), a.last[name])
			}
		}
	}
	if len(a.seen) < 20 || a.present < 50 || a.gone < 20 {
		t.Errorf("answers of %d positions, %d states that were there and %d that were gone are not much of a test", len(a.seen), a.present, a.gone)
	}
}

// openSites opens the states by a connection and a program of its own, once the worker has begun.
func openSites(t *testing.T, srv *natstest.Server, of query.Of) map[string]*query.State[string, crdt.GCounter] {
	t.Helper()
	states, conn, p := make(map[string]*query.State[string, crdt.GCounter]), srv.Conn(t), newSites()
	for name, state := range map[string]operators.Shared[string, crdt.GCounter]{"all": p.all, "tumbling": p.tumbling, "hopping": p.hopping, "sessions": p.sessions} {
		natstest.Eventually(t, "the pipeline has begun", func() bool {
			s, err := query.Open(t.Context(), p.Pipeline, state, query.Config{Conn: conn, Ask: of})
			if err != nil && !errors.Is(err, query.ErrNotRun) {
				t.Fatal(err)
			}
			states[name] = s
			return err == nil
		})
	}
	return states
}
