package pipelinetest_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

const day = 24 * 60 * 60 * 1000

// The assignments of this table are those that Apache Flink documents,
// https://nightlies.apache.org/flink/flink-docs-stable/docs/dev/datastream/operators/windows/#window-assigners, with the values by which it
// checks them: TimeWindowTest, TumblingEventTimeWindowsTest, SlidingEventTimeWindowsTest, EventTimeSessionWindowsTest of flink-streaming-java.
// Times are milliseconds; each record has a window for itself, and so a key.
func TestWindowsOfFlink(t *testing.T) {
	t.Parallel()
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	for name, c := range map[string]struct {
		windows operators.Windows
		// wanted are the starts of the windows of each instant.
		wanted map[int64][]int64
		size   int64
	}{
		"tumbling":                             {operators.Tumbling(ms(7)), map[int64][]int64{1: {0}, 6: {0}, 7: {7}, 8: {7}, -1: {-7}, -7: {-7}, -8: {-14}}, 7},
		"tumbling, offset":                     {operators.Tumbling(ms(7)).Offset(ms(3)), map[int64][]int64{1: {-4}, 2: {-4}, 3: {3}, 9: {3}, 10: {10}}, 7},
		"tumbling, negative offset":            {operators.Tumbling(ms(7)).Offset(ms(-2)), map[int64][]int64{1: {-2}, -2: {-2}, 3: {-2}, 4: {-2}, 7: {5}, 12: {12}, -3: {-9}}, 7},
		"days in China":                        {operators.Tumbling(ms(day)).Offset(-8 * time.Hour), map[int64][]int64{1470902048450: {1470844800000}}, day},
		"hours from a quarter past":            {operators.Tumbling(time.Hour).Offset(15 * time.Minute), map[int64][]int64{75 * 60_000: {75 * 60_000}, 75*60_000 - 1: {15 * 60_000}, 135*60_000 - 1: {75 * 60_000}}, 60 * 60_000},
		"sliding":                              {operators.Hopping(ms(5000), ms(1000)), map[int64][]int64{0: {-4000, -3000, -2000, -1000, 0}, 4999: {0, 1000, 2000, 3000, 4000}, 5000: {1000, 2000, 3000, 4000, 5000}}, 5000},
		"sliding, offset":                      {operators.Hopping(ms(5000), ms(1000)).Offset(ms(100)), map[int64][]int64{100: {-3900, -2900, -1900, -900, 100}, 5099: {100, 1100, 2100, 3100, 4100}, 5100: {1100, 2100, 3100, 4100, 5100}}, 5000},
		"sliding, negative offset":             {operators.Hopping(ms(5000), ms(1000)).Offset(ms(-100)), map[int64][]int64{0: {-4100, -3100, -2100, -1100, -100}, 4899: {-100, 900, 1900, 2900, 3900}, 4900: {900, 1900, 2900, 3900, 4900}}, 5000},
		"sliding, half a slide":                {operators.Hopping(5*time.Second, time.Second).Offset(ms(500)), map[int64][]int64{100: {-4500, -3500, -2500, -1500, -500}, 5499: {500, 1500, 2500, 3500, 4500}, 5100: {500, 1500, 2500, 3500, 4500}}, 5000},
		"hours each half hour, a quarter past": {operators.Hopping(time.Hour, 30*time.Minute).Offset(15 * time.Minute), map[int64][]int64{80 * 60_000: {45 * 60_000, 75 * 60_000}}, 60 * 60_000},
		"sessions of one record":               {operators.Sessions(ms(5000)), map[int64][]int64{0: {0}, 4999: {4999}, 5000: {5000}, -1: {-1}}, 5000},
	} {
		var in, want []string
		for at, starts := range c.wanted {
			in = append(in, fmt.Sprintf("%d %d", at, at))
			for _, start := range starts {
				want = append(want, fmt.Sprintf("final %d: [%d,%d) 1", at, start, start+c.size))
			}
		}
		slices.Sort(in)
		slices.Sort(want)
		if got := windowsOf(t, c.windows, in); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// Sessions merge as those of Flink do, but for records that are exactly a gap apart: Flink merges windows that touch, and so makes them one
// session; here the gap has passed, as its documentation says ("a certain period of time"), and they are two. Windows are half
// open, so that none holds an instant twice.
func TestSessionsOfFlink(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		times        []int64
		flink, wants string
	}{
		{[]int64{0, 4999}, "[0,9999) 2", "[0,9999) 2"},
		{[]int64{0, 5000}, "[0,10000) 2", "[0,5000) 1, [5000,10000) 1"},
		{[]int64{0, 5001}, "[0,5000) 1, [5001,10001) 1", "[0,5000) 1, [5001,10001) 1"},
		{[]int64{0, 8000, 4000}, "[0,13000) 3", "[0,13000) 3"}, // the last one joins two
		{[]int64{-6000, -2000, 2000}, "[-6000,7000) 3", "[-6000,7000) 3"},
		{[]int64{3000, 3000, 3001}, "[3000,8001) 3", "[3000,8001) 3"},
	} {
		var in []string
		for _, at := range c.times {
			in = append(in, fmt.Sprintf("%d k", at))
		}
		got := windowsOf(t, operators.Sessions(5*time.Second), in)
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], "final k: ")
		}
		if text := strings.Join(got, ", "); text != c.wants {
			t.Errorf("%v: got %q, want %q (Flink: %q)", c.times, text, c.wants, c.flink)
		}
	}
}

// windowsOf runs lines of the form "milliseconds key" through windows, and returns which keys had how many records in which windows.
func windowsOf(t *testing.T, windows operators.Windows, lines []string) []string {
	t.Helper()
	stamp := func(line string) int64 {
		at, _ := strconv.ParseInt(strings.Fields(line)[0], 10, 64)
		return at
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("windows")
		in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: pipeline.Text, Time: func(line string) time.Time { return time.UnixMilli(stamp(line)) }})
		keyed := operators.Window(operators.KeyBy(in, "key", func(line string) string { return strings.Fields(line)[1] }), windows)
		finals := operators.Finals(operators.Seal(operators.Count("counts", keyed), operators.EndOfInput()))
		pipeline.Write(p, "counts", finals, nowhere("counts"), func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Appendf(nil, "%s: [%d,%d) %d", f.Key, f.Window.Start/1e6, f.Window.End/1e6, f.Value.Value()), nil
		})
		return p
	}, []pipelinetest.Log{texts("in", 0, lines...)}, pipelinetest.Options{Rounds: 5})
	return contents(out, "counts")
}
