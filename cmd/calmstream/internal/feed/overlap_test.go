package feed_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
)

// together runs one feed for each of the inputs, all at once, each on its own connection.
func (b *bundle) together(t *testing.T, inputs ...[]feed.Input) []outcome {
	t.Helper()
	var running []<-chan outcome
	for _, in := range inputs {
		running = append(running, b.start(t, nil, in))
	}
	var outcomes []outcome
	for _, done := range running {
		outcomes = append(outcomes, <-done)
	}
	return outcomes
}

func TestSeveralFeedersOfTheSameInput(t *testing.T) {
	t.Parallel()
	text := prose(1, 1_200_000)
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			inputs := make([][]feed.Input, n)
			for i := range inputs {
				inputs[i] = texts(text)
			}
			want := model("words.in", 3, text)
			var stored uint64
			for i, o := range b.together(t, inputs...) {
				if o.err != nil {
					t.Fatalf("feeder %d: %v", i, o.err)
				}
				if o.result.Digest != want[len(want)-1].Digest || o.result.Bytes != int64(len(text)) {
					t.Errorf("feeder %d: got %+v", i, o.result)
				}
				stored += o.result.Chunks - o.result.Skipped
			}
			if stored != uint64(len(want)-3) {
				t.Errorf("%d chunks were stored, all feeders together, want %d", stored, len(want)-3)
			}
			b.wantContent(t, want)
		})
	}
}

// gate is a reader that is empty, but only once its channel is closed.
type gate struct {
	open    <-chan struct{}
	reached func()
}

func (g gate) Read([]byte) (int, error) {
	g.reached()
	<-g.open
	return 0, io.EOF
}

// gated is text whose rest from at on can be read once open is closed.
func gated(text string, at int, open <-chan struct{}, reached func()) []feed.Input {
	return []feed.Input{input("gated", func() io.Reader {
		return io.MultiReader(strings.NewReader(text[:at]), gate{open: open, reached: sync.OnceFunc(reached)}, strings.NewReader(text[at:]))
	})}
}

// One feeder stops in the middle, with a message on its way, while another brings the stream to its end.
func TestOneFeederIsPausedInTheMiddle(t *testing.T) {
	t.Parallel()
	text := prose(1, 600_000)
	want := model("words.in", 3, text)
	for at := 0; at < len(text); at += 100_000 {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			open, paused := make(chan struct{}), make(chan struct{})
			done := b.start(t, nil, gated(text, at, open, func() { close(paused) }))
			<-paused
			b.mustFeed(t, texts(text))
			b.wantContent(t, want)
			close(open)
			o := <-done
			if o.err != nil || o.result.Digest != want[len(want)-1].Digest {
				t.Errorf("the paused feeder ended with %+v, %v", o.result, o.err)
			}
			b.wantContent(t, want)
		})
	}
}

// Inputs that begin alike and then differ are fed at once, and come to the difference at the same moment.
// One of them is stored, whole and unmixed; the others are refused.
func TestOneOfSeveralDifferentInputsWins(t *testing.T) {
	t.Parallel()
	common := prose(1, 150_000)
	for round := range 8 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			open := make(chan struct{})
			var waiting sync.WaitGroup
			waiting.Add(3)
			go func() {
				waiting.Wait()
				close(open)
			}()
			all := make([]string, 3)
			inputs := make([][]feed.Input, 3)
			for i := range all {
				all[i] = common + prose(uint64(10+i), 400_000+1000*i)
				inputs[i] = gated(all[i], len(common), open, waiting.Done)
			}
			winner := -1
			for i, o := range b.together(t, inputs...) {
				switch {
				case o.err == nil && winner < 0:
					winner = i
				case !errors.Is(o.err, feed.ErrDifferentInput):
					t.Errorf("feeder %d ended with %+v, %v; winner %d", i, o.result, o.err, winner)
				}
			}
			if winner < 0 {
				t.Fatal("nobody has stored its input")
			}
			b.wantContent(t, model("words.in", 3, all[winner]))
		})
	}
}

// A run of feeders, each stopped after a few messages of its own, brings the stream to its end.
func TestManyShortLives(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := prose(1, 1_000_000)
	lives := 0
	for done := false; !done; lives++ {
		ctx, cancel := context.WithCancel(t.Context())
		config, first := b.config, uint64(0)
		config.Inputs = texts(text)
		config.Progress = func(p feed.Progress) {
			if first == 0 {
				first = p.Stored + 2
			}
			if p.Stored >= first {
				cancel()
			}
		}
		_, err := feed.Feed(ctx, b.conn, config)
		done = err == nil
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("life %d: %v", lives, err)
		}
		cancel()
	}
	if lives < 5 {
		t.Errorf("it took only %d lives", lives)
	}
	b.wantContent(t, model("words.in", 3, text))
}
