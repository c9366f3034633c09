package adclicks_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"github.com/calmstream/calmstream/pipeline"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// take returns the first n messages of a load.
func take(l adclicks.Load, n int) []adclicks.Message {
	g := adclicks.NewGenerator(l)
	out := make([]adclicks.Message, n)
	for i := range out {
		out[i] = g.Next()
	}
	return out
}

func TestGeneratorIsAFunctionOfItsLoad(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		load := adclicks.Load{
			Seed:       rapid.Uint64().Draw(t, "seed"),
			Start:      noon.Add(time.Duration(rapid.Int64Range(0, 1<<50).Draw(t, "start"))),
			Rate:       rapid.IntRange(1, 1_000_000).Draw(t, "rate"),
			Partitions: rapid.IntRange(1, 5).Draw(t, "partitions"),
		}
		n := rapid.IntRange(1, 300).Draw(t, "n")
		messages, again := take(load, n), take(load, n)
		for i, m := range messages {
			if o := again[i]; !m.Due.Equal(o.Due) || m.Partition != o.Partition || m.Malformed != o.Malformed || !bytes.Equal(m.Payload, o.Payload) {
				t.Fatalf("message %d is %+v, and %+v when it is generated again", i, m, o)
			}
			if m.Partition < 0 || m.Partition >= load.Partitions {
				t.Fatalf("message %d is for partition %d of %d", i, m.Partition, load.Partitions)
			}
			if want := load.Start.Add(time.Duration(float64(i) / float64(load.Rate) * 1e9)); m.Due.Sub(want).Abs() > time.Microsecond {
				t.Fatalf("message %d is due at %v, want %v", i, m.Due, want)
			}
			if i > 0 && m.Due.Before(messages[i-1].Due) {
				t.Fatalf("message %d is due before its predecessor", i)
			}
		}
	})
}

func TestSeedsDiffer(t *testing.T) {
	t.Parallel()
	a, b := take(adclicks.Load{Seed: 1, Start: noon}, 100), take(adclicks.Load{Seed: 2, Start: noon}, 100)
	same := 0
	for i := range a {
		if bytes.Equal(a[i].Payload, b[i].Payload) {
			same++
		}
	}
	if same > 5 {
		t.Errorf("%d of 100 messages are the same for two seeds", same)
	}
}

// What the pipeline refuses is what is marked, and what it decodes is the event.
func TestPayloads(t *testing.T) {
	t.Parallel()
	reasons := make(map[string]int)
	for i, m := range take(adclicks.Load{Seed: 3, Start: noon}, 50_000) {
		e, err := adclicks.Decode(&pipeline.Message{Data: m.Payload})
		ahead := e.Time.After(m.Due.Add(time.Hour)) // the reader refuses these
		switch {
		case m.Malformed != (err != nil || ahead):
			t.Fatalf("message %d: malformed is %v, but Decode says %v of %s", i, m.Malformed, err, m.Payload)
		case err != nil:
			reasons[err.Error()]++
		case ahead:
			reasons["ahead"]++
		case e != m.Event:
			t.Fatalf("message %d is %+v after decoding, want %+v", i, e, m.Event)
		}
	}
	if len(reasons) < 4 {
		t.Errorf("only these messages are spoilt: %v", reasons)
	}
}

func TestShape(t *testing.T) {
	t.Parallel()
	names, burst := adclicks.Campaigns()
	load := adclicks.Load{Seed: 5, Start: noon, Rate: 1000, Straggle: 5 * time.Second}
	const n = 80_000 // ten periods of eight seconds
	var bad, clicks, backwards, stragglers int
	campaigns := make(map[string]int)
	var inBurst, outside, burstIn, burstOutside int
	newest := noon
	for _, m := range take(load, n) {
		if m.Malformed {
			bad++
			continue
		}
		e := m.Event
		campaigns[e.Campaign]++
		switch late := m.Due.Sub(e.Time); {
		case late < 0:
			t.Fatalf("event %s is from the future", e.ID)
		case late >= 2*load.Straggle:
			t.Fatalf("event %s is %v old", e.ID, late)
		case late >= load.Straggle:
			stragglers++
		case late >= 300*time.Millisecond:
			t.Fatalf("event %s is %v old, which is neither jitter nor a straggler", e.ID, late)
		}
		if e.Time.Before(newest) {
			backwards++
		} else {
			newest = e.Time
		}
		if e.Kind != adclicks.Click {
			continue
		}
		clicks++
		if at := m.Due.Sub(noon) % (8 * time.Second); at >= time.Second && at < 2500*time.Millisecond {
			inBurst++
			burstIn += btoi(e.Campaign == burst)
		} else {
			outside++
			burstOutside += btoi(e.Campaign == burst)
		}
	}
	between(t, "malformed", bad, n*1/1000, n*3/1000)
	between(t, "clicks", clicks, n*24/100, n*26/100)
	between(t, "out of order", backwards, n*25/100, n*35/100)
	between(t, "stragglers", stragglers, n*4/1000, n*6/1000)
	between(t, "share of the burst in ten thousand", burstIn*10_000/inBurst, 4000, 5500)
	between(t, "share outside of it", burstOutside*10_000/outside, 150, 450)
	if got := slices.Sorted(maps.Keys(campaigns)); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		t.Errorf("campaigns are %v", got)
	}
	between(t, "first campaign against the second, in percent", campaigns[names[0]]*100/campaigns[names[1]], 180, 220)
	between(t, "first campaign against the tenth", campaigns[names[0]]*100/campaigns[names[9]], 400, 1200)
}

func between(t *testing.T, what string, got, low, high int) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: %d, want %d to %d", what, got, low, high)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
