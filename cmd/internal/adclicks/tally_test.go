package adclicks_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"pgregory.net/rapid"
)

// The tally keeps running maxima; the model reads the definition of late literally, for each click anew.
func TestTallyAgainstTheDefinition(t *testing.T) {
	t.Parallel()
	const tick = 400 * time.Millisecond // coarse, so that times meet the ends of windows
	rapid.Check(t, func(t *rapid.T) {
		c := adclicks.Config{
			Window:   time.Duration(rapid.IntRange(1, 5).Draw(t, "window")) * time.Second,
			Lateness: time.Duration(rapid.IntRange(1, 8).Draw(t, "lateness")) * tick,
		}
		messages := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) adclicks.Message {
			kind := rapid.SampledFrom([]adclicks.Kind{adclicks.Click, adclicks.Click, adclicks.Impression}).Draw(t, "kind")
			return adclicks.Message{
				Partition: rapid.IntRange(0, 1).Draw(t, "partition"),
				Malformed: rapid.IntRange(0, 9).Draw(t, "malformed") == 0,
				Event: adclicks.AdEvent{
					Kind:     kind,
					Campaign: rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"}).Draw(t, "campaign"),
					Time:     noon.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "ticks")) * tick),
				},
			}
		}), 0, 80).Draw(t, "messages")

		tally := adclicks.NewTally(c)
		var late, malformed uint64
		want := make(map[int64]map[string]uint64)
		for i, m := range messages {
			tally.Add(m)
			if m.Malformed {
				malformed++
				continue
			}
			if m.Event.Kind != adclicks.Click {
				continue
			}
			start := m.Event.Time.Truncate(c.Window)
			sealed := slices.ContainsFunc(messages[:i], func(o adclicks.Message) bool {
				return !o.Malformed && o.Partition == m.Partition && !o.Event.Time.Before(start.Add(c.Window+c.Lateness))
			})
			if sealed {
				late++
				continue
			}
			if want[start.UnixNano()] == nil {
				want[start.UnixNano()] = make(map[string]uint64)
			}
			want[start.UnixNano()][m.Event.Campaign]++
		}
		if tally.Late != late || tally.Malformed != malformed || tally.Events != uint64(len(messages))-malformed {
			t.Fatalf("late %d, malformed %d, events %d; want %d, %d, %d", tally.Late, tally.Malformed, tally.Events, late, malformed, uint64(len(messages))-malformed)
		}
		got := make(map[int64]map[string]uint64)
		sum := uint64(0)
		for _, w := range tally.Windows() {
			got[w.Start] = make(map[string]uint64)
			for _, r := range w.Ranking {
				got[w.Start][r.Key] = r.Score
				sum += r.Score
			}
			checkOrder(t, w)
		}
		if sum != tally.Clicks || !maps.EqualFunc(got, want, maps.Equal[map[string]uint64, map[string]uint64]) {
			t.Fatalf("windows %v with %d clicks, want %v", got, tally.Clicks, want)
		}
	})
}

func checkOrder(t *rapid.T, w adclicks.Window) {
	for i := 1; i < len(w.Ranking); i++ {
		if a, b := w.Ranking[i-1], w.Ranking[i]; a.Score < b.Score || a.Score == b.Score && a.Key >= b.Key {
			t.Fatalf("%v stands before %v", a, b)
		}
	}
	if top := w.Top(); len(top) != min(adclicks.TopK, len(w.Ranking)) || !slices.Equal(top, w.Ranking[:len(top)]) {
		t.Fatalf("the top of %v is %v", w.Ranking, top)
	}
	hot := w.Hot(2)
	for _, r := range w.Ranking {
		if slices.Contains(hot, r.Key) != (r.Score >= 2) {
			t.Fatalf("hot campaigns of %v are %v", w.Ranking, hot)
		}
	}
}

// Jitter below the lateness makes no event late: only stragglers are.
func TestOnlyStragglersAreLate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := adclicks.Config{Window: 2 * time.Second, Lateness: 500 * time.Millisecond}
		load := adclicks.Load{Seed: rapid.Uint64().Draw(t, "seed"), Start: noon, Rate: 200, Straggle: 4500 * time.Millisecond}
		tally, stragglers := adclicks.NewTally(c), uint64(0)
		for _, m := range take(load, 3000) {
			tally.Add(m)
			if !m.Malformed && m.Event.Kind == adclicks.Click && m.Due.Sub(m.Event.Time) >= load.Straggle {
				stragglers++
			}
		}
		if tally.Late != stragglers {
			t.Fatalf("%d clicks are late, of %d from stragglers", tally.Late, stragglers)
		}
	})
}
