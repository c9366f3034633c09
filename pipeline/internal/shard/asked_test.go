package shard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
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

// frequent counts words, and seals nothing.
func frequent(t *testing.T) *world {
	t.Helper()
	p := pipeline.New("frequent")
	words := operators.FlatMap(pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: pipeline.Text}), strings.FieldsSeq)
	counts := operators.Count("counts", operators.KeyBy(words, "word", strings.ToLower))
	pipeline.Write(p, "out", operators.Threshold(counts, crdt.AtLeast(never)), sinks.Func{Name: "out"}, pipeline.EncodeText)
	cut, err := p.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return &world{plan: cut, stream: newStream(), store: new(checkpoint.Memory), outlet: &outlet{results: make(map[string]string)}}
}

// reply is what a shard has answered, and when.
type reply struct {
	shard.Seen
	err error
	at  time.Duration
}

func (r reply) String() string {
	if r.err != nil {
		return fmt.Sprint(r.at, " ", r.err)
	}
	var n crdt.GCounter
	if r.Present {
		if err := n.UnmarshalBinary(r.Value); err != nil {
			return err.Error()
		}
	}
	return fmt.Sprintf("%s %d at %d", r.at, n.Value(), r.Position.Seq)
}

// countsNode finds the number of the state.
func (w *world) countsNode() int {
	for _, n := range w.plan.Graph.Nodes {
		if n.Name == "counts" {
			return n.ID
		}
	}
	return -1
}

// ask puts a question about a word, and returns where the answer comes.
func (w *world) ask(a *shard.Asked, word string, q shard.Question) <-chan reply {
	begin, answers := time.Now(), make(chan reply, 2) // room for an answer too many
	q.Node, q.Key = w.countsNode(), []byte(word)
	q.Answer = func(s shard.Seen, err error) { answers <- reply{s, err, time.Since(begin)} }
	a.Put(&q)
	return answers
}

func expect(t *testing.T, answers <-chan reply, want string) {
	t.Helper()
	synctest.Wait()
	select {
	case r := <-answers:
		if got := r.String(); got != want {
			t.Errorf("answered %q, want %q", got, want)
		}
	default:
		if want != "" {
			t.Errorf("no answer, want %q", want)
		}
	}
}

// Questions are answered at once with what there is, and those that wait when it comes or their time is over; they outlive a
// session, and end with the shard.
func TestQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, ended := frequent(t), make(chan error, 1)
		e := w.owner("one")
		e.Asked = new(shard.Asked)
		ctx, stop := context.WithCancel(t.Context())
		early := w.ask(e.Asked, "a", shard.Question{}) // before anything runs
		go func() { ended <- shard.Run(ctx, e) }()
		expect(t, early, "0s 0 at 0")
		w.stream.put("a", "b a")
		synctest.Wait()
		expect(t, w.ask(e.Asked, "a", shard.Question{}), "0s 2 at 2")
		expect(t, w.ask(e.Asked, "c", shard.Question{}), "0s 0 at 2")

		in := func(d time.Duration) time.Time { return time.Now().Add(d) }
		four := func(s shard.Seen) bool { return strings.HasSuffix(reply{Seen: s}.String(), " 4 at 5") }
		awaited := w.ask(e.Asked, "a", shard.Question{Until: four, Deadline: in(time.Minute)})
		over := w.ask(e.Asked, "a", shard.Question{Until: four, Deadline: in(time.Second)})
		behind := w.ask(e.Asked, "b", shard.Question{From: 4, Deadline: in(time.Minute)})
		never := w.ask(e.Asked, "b", shard.Question{From: 100, Deadline: in(time.Minute)})
		expect(t, awaited, "")
		time.Sleep(2 * time.Second)
		expect(t, over, "1s 2 at 2")
		w.stream.put("a", "b")
		synctest.Wait()
		time.Sleep(time.Millisecond) // one look follows another by as much
		expect(t, behind, "2.001s 2 at 4")
		w.stream.put("a")
		synctest.Wait()
		time.Sleep(time.Millisecond)
		expect(t, awaited, "2.002s 4 at 5")
		time.Sleep(time.Minute)
		expect(t, never, "1m0s shard: this worker has not come there yet: it is at 5, and the question is about 100")

		left := w.ask(e.Asked, "a", shard.Question{From: 100, Deadline: in(time.Hour)})
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		expect(t, left, "") // another session might answer
		e.Asked.Close()
		expect(t, left, "0s "+shard.ErrNotHere.Error())
		expect(t, w.ask(e.Asked, "a", shard.Question{}), "0s "+shard.ErrNotHere.Error())
	})
}

// proof tells how far a log was proved to be whole.
type proof struct {
	shard.Log
	whole *atomic.Uint64
}

func (p proof) Verify(ctx context.Context, from uint64) error {
	err := p.Log.Verify(ctx, from)
	if err == nil {
		p.whole.Store(p.Position())
	}
	return err
}

// That the input has ended is not answered before its log is known to be whole: a state that will not change any more is
// final, and a missing record would have changed it.
func TestTheEndIsProvedBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w, ended, whole := frequent(t), make(chan error, 1), new(atomic.Uint64)
			w.outlet.hold = make(chan struct{})
			e := w.owner("one")
			e.Asked = new(shard.Asked)
			e.OpenLog = func(_ context.Context, at checkpoint.Position) (shard.Log, error) {
				log, err := w.open(at, nil)
				return proof{log, whole}, err
			}
			go func() { ended <- shard.Run(t.Context(), e) }()
			w.stream.put("a")
			time.Sleep(time.Second) // a checkpoint is under way, and waits for what was sent before it
			w.stream.put("a", "END")
			synctest.Wait()
			answers := w.ask(e.Asked, "a", shard.Question{})
			expect(t, answers, "")
			if lost {
				w.stream.truncate(2)
			}
			close(w.outlet.hold)
			err := <-ended
			e.Asked.Close()
			r := <-answers
			switch {
			case lost && (!errors.Is(err, shard.ErrTruncated) || r.err == nil):
				t.Errorf("the log is not whole, and the answer is %v, the end %v", r, err)
			case !lost && (err != nil || r.Frontier != plan.End || whole.Load() != 3 || !strings.HasSuffix(r.String(), " 2 at 3")):
				t.Errorf("%v, %v; the log is whole up to %d", r, err, whole.Load())
			}
		})
	}
}
