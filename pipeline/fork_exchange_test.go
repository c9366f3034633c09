package pipeline_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	flowShards = 2
	flowWindow = 10 // seconds
)

// flow is a word count, also by windows, whose stages lie behind exchanges, and which is fed while versions of it run.
type flow struct {
	*testing.T
	srv   *natstest.Server
	js    jetstream.JetStream
	name  string
	in    *input
	lines int
	// echo makes the stage that reads the input write something too.
	echo bool
	// drain is how long a version has to save what it has read when it is told to stop; 0 for long enough.
	drain time.Duration
}

func newFlow(t *testing.T, name string) *flow {
	t.Helper()
	f := &flow{T: t, srv: natstest.Run(t), name: name}
	f.js = f.srv.JetStream(t)
	f.in = newInput(t, f.js, name, flowShards)
	return f
}

// feed puts lines of a second and some words into the shards in turn. The time does not go back in any of them.
func (f *flow) feed(n int) {
	f.Helper()
	for range n {
		f.in.put(f.T, f.lines, fmt.Sprintf("%d a b%d c%d", f.lines/20, f.lines%5, f.lines%11))
		f.lines++
	}
}

// flowCount is a result.
type flowCount struct {
	Word   string `json:"word"`
	Window int64  `json:"window,omitempty"` // its first second
	Count  uint64 `json:"count"`
}

func encodeFlow(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
	c := flowCount{Word: f.Key, Count: f.Value.Value()}
	if !f.Window.IsGlobal() {
		c.Window = time.Unix(0, f.Window.Start).Unix()
	}
	return json.Marshal(c)
}

// flowLine is a line of the input.
type flowLine struct {
	at   int64
	text string
}

// version is one of two: the second one marks each word that goes through it, and counts first letters too.
func (f *flow) version(second bool) *pipeline.Pipeline {
	f.Helper()
	p := pipeline.New(f.name)
	var subjects []string
	for i := range flowShards {
		subjects = append(subjects, fmt.Sprintf("%s.in.%d", f.name, i))
	}
	lines := pipeline.Read(p, "lines", pipeline.Source[flowLine]{
		Stream: f.name, Subjects: subjects,
		Decode: func(m *pipeline.Message) (flowLine, error) {
			second, text, _ := strings.Cut(string(m.Data), " ")
			at, err := strconv.ParseInt(second, 10, 64)
			return flowLine{at, text}, err
		},
		Time: func(l flowLine) time.Time { return time.Unix(l.at, 0) },
	})
	words := operators.FlatMap(lines, func(l flowLine) iter.Seq[string] { return strings.FieldsSeq(l.text) })
	sink := func(name string) sinks.Subject {
		return sinks.Subject{Name: f.name + "-" + name, Stream: f.name + "_" + name}
	}
	if second {
		words = operators.Map(words, func(w string) string { return w + "!" })
		letters := operators.Count("letters", operators.KeyBy(words, "letter", func(w string) string { return w[:1] }))
		pipeline.Write(p, "letters", operators.Finals(operators.Seal(letters, operators.EndOfInput())), sink("letters"), encodeFlow)
	}
	if f.echo {
		pipeline.Write(p, "echo", operators.Map(lines, func(l flowLine) string { return l.text }), sink("echo"), pipeline.EncodeText)
	}
	byWord := operators.KeyBy(words, "word", func(w string) string { return w })
	counts := operators.Count("counts", byWord)
	pipeline.Write(p, "seen", operators.Threshold(counts, crdt.AtLeast(1)), sink("seen"), pipeline.EncodeText)
	pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.EndOfInput())), sink("counts"), encodeFlow)
	windows := operators.Seal(operators.Count("windows", operators.Window(byWord, operators.Tumbling(flowWindow*time.Second))), operators.Watermark(2*time.Second))
	pipeline.Write(p, "windows", operators.Finals(windows), sink("windows"), encodeFlow)
	top := operators.TopK("top", windows, 3, (*crdt.GCounter).Value)
	pipeline.Write(p, "top", top, sink("top"), pipeline.EncodeJSON)
	return p
}

// run runs a version until it is told to stop, or ends.
func (f *flow) run(p *pipeline.Pipeline, monitor *pipeline.Monitor) (stop func(), ended chan error) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	f.Cleanup(cancel)
	ended = make(chan error, 1)
	conn, drain := f.srv.Conn(f.T), cmp.Or(f.drain, 30*time.Second)
	go func() {
		ended <- p.Run(ctx, pipeline.Config{Conn: conn, Monitor: monitor, CheckpointEvery: 100 * time.Millisecond, DrainTimeout: drain, Logger: quiet})
	}()
	return cancel, ended
}

// committed waits until each shard of some stages has a checkpoint behind something.
func (f *flow) committed(monitor *pipeline.Monitor, stages ...string) {
	f.Helper()
	natstest.Eventually(f.T, "every shard has a checkpoint", func() bool {
		n := 0
		for _, s := range monitor.Shards() {
			if slices.Contains(stages, s.Stage) && s.Committed > 0 && s.Messages > 0 {
				n++
			}
		}
		return n == len(stages)*flowShards
	})
}

// flowCounts are counts by word, or by window and word.
type flowCounts map[string]uint64

func (c flowCounts) window(start int64, word string) string { return fmt.Sprintf("%d %s", start, word) }

// model counts the input independently. Behind the cut of its shard a word has a mark, and counts for its letter; without a cut none has.
func (f *flow) model(cut []uint64) (counts, windows, letters flowCounts) {
	f.Helper()
	counts, windows, letters = make(flowCounts), make(flowCounts), make(flowCounts)
	stream, err := f.js.Stream(f.Context(), f.name)
	if err != nil {
		f.Fatal(err)
	}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(f.Context(), seq)
		if err != nil {
			f.Fatal(err)
		}
		shard := int(m.Subject[len(m.Subject)-1] - '0')
		second, text, found := strings.Cut(string(m.Data), " ")
		at, _ := strconv.ParseInt(second, 10, 64)
		for _, w := range strings.Fields(text) {
			if !found {
				continue
			}
			if cut != nil && seq > cut[shard] {
				w += "!"
				letters[w[:1]]++
			}
			counts[w]++
			windows[windows.window(at/flowWindow*flowWindow, w)]++
		}
	}
	return counts, windows, letters
}

// each calls what with the results of a version.
func (f *flow) each(write, epoch string, what func(m *nats.Msg)) {
	f.Helper()
	for subject, m := range stored(f.T, f.js, f.name+"_"+write) {
		if strings.Contains(subject, "."+epoch+".") {
			what(m)
		}
	}
}

func (f *flow) results(write, epoch string) flowCounts {
	f.Helper()
	got := make(flowCounts)
	f.each(write, epoch, func(m *nats.Msg) {
		var c flowCount
		if err := json.Unmarshal(m.Data, &c); err != nil {
			f.Fatal(err)
		}
		key := c.Word
		if write == "windows" {
			key = got.window(c.Window, c.Word)
		}
		got[key] = c.Count
	})
	return got
}

// cut returns where the version has taken over each shard of the input, and from which epoch.
func (f *flow) cut(epoch string) (from string, cut []uint64) {
	f.Helper()
	return (&forkedAds{T: f.T, js: f.js, name: f.name}).cutOf(epoch, "lines")
}

// compare holds the results of both versions, which have ended, against the model.
func (f *flow) compare(old, next *pipeline.Pipeline) {
	f.Helper()
	was, is := forkEpoch(f.T, old), forkEpoch(f.T, next)
	from, cut := f.cut(is)
	if from != was || len(cut) != flowShards {
		f.Fatalf("it went on from %q at %v", from, cut)
	}
	counts, windows, _ := f.model(nil)
	same := func(what string, got, want flowCounts) {
		f.Helper()
		if !maps.Equal(got, want) {
			f.Errorf("cut %v: %s: got %v\nwant %v", cut, what, got, want)
		}
	}
	same("counts of the old version", f.results("counts", was), counts)
	same("windows of the old version", f.results("windows", was), windows)
	f.top(was, windows, func(string) bool { return true })
	counts, windows, letters := f.model(cut)
	if len(letters) == 0 || counts["a"] == 0 {
		f.Errorf("cut %v: everything is on one side", cut)
	}
	same("counts of the new version", f.results("counts", is), counts)
	same("letters of the new version", f.results("letters", is), letters)
	closed, got := f.results("windows", was), f.results("windows", is)
	for key, n := range windows { // what was final before the cut is the old version's alone
		if got[key] == 0 && closed[key] == n {
			got[key] = n
		}
	}
	same("windows of the new version", got, windows)
	f.top(is, windows, func(word string) bool { return strings.HasSuffix(word, "!") })
	seen := make(map[string]bool)
	for _, epoch := range []string{was, is} {
		f.each("seen", epoch, func(m *nats.Msg) { seen[string(m.Data)] = true })
	}
	for word := range counts {
		if !seen[word] {
			f.Errorf("neither version has said that there is %s", word)
		}
	}
}

// top holds the rankings of a version against counts. A window in which a word has a mark was open at the cut, and is to be ranked by the new version.
func (f *flow) top(epoch string, windows flowCounts, must func(word string) bool) {
	f.Helper()
	best := make(map[string][]operators.Ranked[string, uint64])
	for key, n := range windows {
		start, word, _ := strings.Cut(key, " ")
		best[start] = append(best[start], operators.Ranked[string, uint64]{Key: word, Score: n})
	}
	want, got := make(map[string]string), make(map[string]string)
	required := make(map[string]bool)
	for start, all := range best {
		slices.SortFunc(all, func(a, b operators.Ranked[string, uint64]) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Key, b.Key))
		})
		at, _ := strconv.ParseInt(start, 10, 64)
		window := time.Unix(at, 0).UTC().Format(time.RFC3339)
		want[window] = fmt.Sprint(all[:min(3, len(all))])
		required[window] = slices.ContainsFunc(all, func(r operators.Ranked[string, uint64]) bool { return must(r.Key) })
	}
	f.each("top", epoch, func(m *nats.Msg) {
		var ranked []operators.Ranked[string, uint64]
		if err := json.Unmarshal(m.Data, &ranked); err != nil {
			f.Fatal(err)
		}
		window, _, _ := strings.Cut(strings.TrimLeft(m.Header.Get("Calm-Window"), "["), "/")
		got[window] = fmt.Sprint(ranked)
	})
	for window, ranked := range want {
		if got[window] != ranked && (required[window] || got[window] != "") {
			f.Errorf("the version %s has ranked %q in the window of %s, want %s (of %d: %v)", epoch, got[window], window, ranked, len(got), got)
		}
	}
}

// Two workers of a new version take over the state of one that runs under load, with exchanges between its stages, and both versions come to their end. Each
// word is counted once, on one side of the cut.
func TestForkThroughExchanges(t *testing.T) {
	t.Parallel()
	f := newFlow(t, "fx")
	old, next := f.version(false), f.version(true)
	f.feed(60)
	var monitor pipeline.Monitor
	_, oldEnded := f.run(old, &monitor)
	f.committed(&monitor, "lines", "counts", "windows")
	enough, fed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(fed)
		pace := time.NewTicker(5 * time.Millisecond)
		defer pace.Stop()
		for over := false; !over; f.feed(12) {
			select {
			case <-enough:
				over = true
			case <-pace.C:
			}
		}
	}()
	_, first := f.run(next, new(pipeline.Monitor))
	_, second := f.run(f.version(true), new(pipeline.Monitor))
	natstest.Eventually(t, "the new version has taken over", func() bool {
		kv, err := f.js.KeyValue(t.Context(), "calm_fx")
		if err == nil {
			_, err = kv.Get(t.Context(), forkEpoch(t, next)+".run.start")
		}
		return err == nil
	})
	close(enough)
	<-fed
	f.feed(40)
	f.in.end(t)
	for _, ended := range []chan error{oldEnded, first, second} {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	f.compare(old, next)
}
