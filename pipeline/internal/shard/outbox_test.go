package shard_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// window and second of a message "word second".
func secondOf(text string) int {
	_, second, _ := strings.Cut(text, " ")
	n, _ := strconv.Atoi(second)
	return n
}

// owing writes each message, words that came twice within ten seconds, and how often each came; the first two at once, the last behind a seal.
func owing(t *testing.T) *plan.Plan {
	t.Helper()
	p := pipeline.New("owing")
	in := pipeline.Read(p, "in", pipeline.Source[string]{
		Stream: "IN", Decode: pipeline.Text, Time: func(text string) time.Time { return time.Unix(int64(secondOf(text)), 0) },
	})
	to := func(name string) sinks.Sink { return sinks.Func{Name: name} }
	pipeline.Write(p, "each", in, to("each"), pipeline.EncodeText)
	byWord := operators.KeyBy(in, "word", func(text string) string { word, _, _ := strings.Cut(text, " "); return word })
	counts := operators.Count("counts", operators.Window(byWord, operators.Tumbling(10*time.Second)))
	pipeline.Write(p, "twice", operators.Threshold(counts, crdt.AtLeast(2)), to("twice"), pipeline.EncodeText)
	finals := operators.Finals(operators.Seal(counts, operators.Watermark(0)))
	pipeline.Write(p, "count", finals, to("count"), func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	cut, err := p.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return cut
}

// box is an Outbox for all results.
type box struct {
	mu     sync.Mutex
	stored int
}

func (b *box) Output(r *shard.Result) (checkpoint.Output, bool, error) {
	name := fmt.Sprintf("box.%s.%d-%d", r.Write.Name, r.Meta.Seq, r.Index)
	if g := r.Meta.Group; g != nil {
		name = fmt.Sprintf("box.%s.%d-%s", r.Write.Name, g.Window.Start/1e9, g.Key)
	}
	return checkpoint.Output{Name: name, Headers: [][2]string{{"Calm-Id", name}}, Data: r.Payload}, true, nil
}

func (b *box) Room(context.Context) error { return nil }

func (b *box) Stored(outputs []checkpoint.Output, _ uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stored += len(outputs)
}

// owedWorld is a world whose results leave with checkpoints.
type owedWorld struct {
	*world
	box *box
}

func newOwedWorld(t *testing.T) *owedWorld {
	t.Helper()
	w := &owedWorld{newWorld(t), new(box)}
	w.plan = owing(t)
	return w
}

// batches is a log that returns as many messages at once as size says.
type batches struct {
	*reader
	size func() int
}

func (b batches) Next(ctx context.Context, wake <-chan struct{}, buf []plan.Message) ([]plan.Message, error) {
	out, err := b.reader.Next(ctx, wake, buf)
	n := b.size()
	b.mu.Lock()
	defer b.mu.Unlock()
	for ; err == nil && len(out) > 0 && len(out) < n && b.position < uint64(len(b.messages)); b.position++ {
		out = append(out, b.messages[b.position])
	}
	return out, err
}

func (w *owedWorld) owner(name string, size func() int) *shard.Env {
	e := w.world.owner(name)
	e.Outbox = w.box
	e.OpenLog = func(_ context.Context, at checkpoint.Position) (shard.Log, error) {
		log, err := w.open(at, nil)
		if err != nil {
			return nil, err
		}
		return batches{log.(*reader), size}, nil //nolint:forcetypeassert // it is one
	}
	return e
}

func always(n int) func() int { return func() int { return n } }

// left returns what has left the shard, as text by name, and fails if anything has twice, or messages out of order.
func (w *owedWorld) left(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	last := 0
	for _, o := range w.store.Outputs(checkpoint.ShardID{Stage: "in"}) {
		if _, twice := out[o.Name]; twice {
			t.Errorf("%s has left twice", o.Name)
		}
		out[o.Name] = string(o.Data)
		if at, found := strings.CutPrefix(o.Name, "box.each."); found {
			at, _, _ = strings.Cut(at, "-")
			if n, err := strconv.Atoi(at); err != nil || n <= last {
				t.Errorf("%s has left behind %d, %v", o.Name, last, err)
			} else {
				last = n
			}
		}
	}
	return out
}

// expected is what a loop over the messages says.
func expected(texts []string) map[string]string {
	out, counts := map[string]string{}, map[string]int{}
	for i, text := range texts {
		if text == "END" {
			continue
		}
		out[fmt.Sprintf("box.each.%d-0", i+1)] = text
		word, _, _ := strings.Cut(text, " ")
		about := fmt.Sprintf("%d-%s", secondOf(text)/10*10, word)
		counts[about]++
		if counts[about] == 2 {
			out["box.twice."+about] = word
		}
	}
	for about, n := range counts {
		out["box.count."+about] = fmt.Sprint(n)
	}
	return out
}

func (w *owedWorld) check(t *testing.T, texts []string) {
	t.Helper()
	got, want := w.left(t), expected(texts)
	if maps.Equal(got, want) {
		return
	}
	var wrong []string
	for name := range want {
		if got[name] != want[name] {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", name, got[name], want[name]))
		}
	}
	for name := range got {
		if _, there := want[name]; !there {
			wrong = append(wrong, name+" should not be")
		}
	}
	slices.Sort(wrong)
	t.Errorf("%d of %d are wrong: %q", len(wrong), len(want), wrong[:min(5, len(wrong))])
}

// words makes n messages, one in a second, and the end.
func words(n int) (texts []string) {
	for i := range n {
		texts = append(texts, fmt.Sprintf("w%d %d", i*i%7, i))
	}
	return append(texts, "END")
}

var errLost = errors.New("the acknowledgement is lost")

// Any number of owners, in any batches, with checkpoints at any time, killed at any time, also between a commit and its acknowledgement: what
// leaves is what a loop over the messages says, each once and in order.
func TestOutboxAgainstModel(t *testing.T) {
	t.Parallel()
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	var conflicts, adoptions, losses int
	for seed := range rounds {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(seed), 5)) //nolint:gosec // a schedule, and no secret
			var mu sync.Mutex
			below := func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				return random.IntN(n)
			}
			w := newOwedWorld(t)
			texts := words(150 + below(150))
			w.store.Fault = func(op string) error {
				if op == checkpoint.OpAcknowledge && below(8) == 0 {
					losses++
					return errLost
				}
				if op == checkpoint.OpCommit { // another one may be faster
					time.Sleep(time.Duration(below(100)) * time.Millisecond)
				}
				return nil
			}
			done := make(chan struct{})
			var owners sync.WaitGroup
			var stats [3]shard.Stats
			for i := range stats {
				owners.Go(func() {
					for life := 0; !stats[i].Done.Load(); life++ {
						e := w.owner(fmt.Sprintf("%d-%d", i, life), func() int {
							time.Sleep(time.Duration(below(20)) * time.Millisecond) // so that they are at different places
							return 1 + below(9)
						})
						e.Stats, e.Every, e.First = &stats[i], time.Duration(50+below(400))*time.Millisecond, 20*time.Millisecond
						e.Drain = time.Duration(1+below(50)) * time.Millisecond
						ctx, kill := context.WithTimeout(t.Context(), time.Duration(100+below(2000))*time.Millisecond)
						err := shard.Run(ctx, e)
						kill()
						if err != nil && !errors.Is(err, errLost) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
							t.Errorf("seed %d, %s: %v", seed, e.Writer, err)
							return
						}
					}
				})
			}
			go func() {
				for i := 0; i < len(texts); {
					n := min(1+below(12), len(texts)-i)
					w.stream.put(texts[i : i+n]...)
					i += n
					time.Sleep(time.Duration(below(60)) * time.Millisecond)
				}
				close(done)
			}()
			<-done
			owners.Wait()
			if w.check(t, texts); t.Failed() {
				t.Fatalf("seed %d", seed)
			}
			for i := range stats {
				conflicts += int(stats[i].Conflicts.Load())
				adoptions += int(stats[i].Adoptions.Load())
			}
		})
		if t.Failed() {
			return
		}
	}
	if conflicts == 0 || adoptions == 0 || losses == 0 {
		t.Errorf("%d conflicts, %d adoptions, %d lost acknowledgements: the test proves nothing", conflicts, adoptions, losses)
	}
}

// More results than one commit takes, of one message: they are in the state until they have left, whoever goes on, and the shard has not
// ended before.
func TestOutboxOfMoreThanACommitTakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newOwedWorld(t)
		var texts []string
		for i := range 2500 {
			texts = append(texts, fmt.Sprintf("word%d 1", i))
		}
		texts = append(texts, "END")
		w.stream.put(texts...)
		for life := 0; !w.fence(t).Done; life++ {
			if life == 12 {
				t.Fatal("it does not end")
			}
			commits := 0
			ctx, kill := context.WithCancel(t.Context())
			w.store.Fault = func(op string) error {
				if op == checkpoint.OpAcknowledge {
					if commits++; commits == 1 {
						kill()
						return errLost
					}
				}
				return nil
			}
			e := w.owner(fmt.Sprint(life), always(5000))
			e.Drain = time.Nanosecond
			_ = shard.Run(ctx, e)
			kill()
			before := len(w.left(t))
			if f := w.fence(t); f.Done != (before == len(expected(texts))) {
				t.Errorf("done is %v with %d of %d results", f.Done, before, len(expected(texts)))
			}
			if before > 900*(life+1) {
				t.Errorf("%d results have left with %d commits", before, life+1)
			}
		}
		w.check(t, texts)
	})
}
