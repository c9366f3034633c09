//go:build unix

package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
)

func TestMain(m *testing.M) {
	if status, played := play(); played {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// The whole way, in small: processes, the comparison with what there should be, and the files.
func TestAWorkloadIsMeasured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out strings.Builder
	if err := command(t.Context(), options{scale: 0.001, repeat: 1, out: dir}, []string{"subject", "exchange"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "| keyed count, key from the subject, to the bare pull reader | at least 0.90 |") {
		t.Errorf("the targets are not shown:\n%s", out.String())
	}
	text, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Tables) != 2 || len(r.Tables[0].Rows) != len(subject().entries) {
		t.Fatalf("got %+v", r.Tables)
	}
	for _, table := range r.Tables {
		for _, row := range table.Rows {
			if len(row.Outcomes) != 1 || row.Outcomes[0].Seconds <= 0 || row.Outcomes[0].CPUSeconds <= 0 || row.Outcomes[0].PeakBytes == 0 || row.Outcomes[0].ServerCPUSeconds < 0 {
				t.Errorf("%s, %s: %+v", table.Name, row.Name, row.Outcomes)
			}
		}
		plot, err := os.ReadFile(filepath.Join(dir, table.Name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		if n := tags(t, plot, "rect"); n != 1+len(table.Rows) {
			t.Errorf("%s: the plot has %d rectangles, and there are %d rows", table.Name, n, len(table.Rows))
		}
	}
	if r.Machine.Server == "" || r.Machine.NATSGo == "" || r.Machine.Cores == 0 || r.Machine.Repeat != 1 {
		t.Errorf("the machine: %+v", r.Machine)
	}
}

// tags counts the elements of a name in an XML document.
func tags(t *testing.T, doc []byte, name string) (n int) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(doc)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, is := token.(xml.StartElement); is && e.Name.Local == name {
			n++
		}
	}
}

// A contender that finds something else than it should ends the run.
func TestAWrongResultIsAnError(t *testing.T) {
	t.Parallel()
	h, err := newHarness(t.Context(), options{scale: 0.001, repeat: 1}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	w := subject()
	right := w.want
	w.want = func(c testcase) map[string]string {
		want := right(c)
		want["key-0007"] = "-1"
		return want
	}
	_, err = h.measure(t.Context(), w)
	if err == nil || !strings.Contains(err.Error(), "key-0007: ") || !strings.Contains(err.Error(), "1 wrong results") {
		t.Errorf("got %v", err)
	}
}

func TestWhatDoesNotExistIsRefused(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := command(t.Context(), options{}, []string{"nothing"}, &out, io.Discard); err == nil || !strings.Contains(err.Error(), "subject, json") {
		t.Errorf("got %v", err)
	}
	if err := command(t.Context(), options{scale: 1}, []string{"subject"}, &out, io.Discard); err == nil || !strings.Contains(err.Error(), "-repeat") {
		t.Errorf("got %v", err)
	}
	if err := command(t.Context(), options{}, []string{"list"}, &out, io.Discard); err != nil || strings.Count(out.String(), "\n") != len(workloads()) {
		t.Errorf("got %v\n%s", err, out.String())
	}
}

func TestSamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s                   sample
		median, least, most float64
		shown               string
	}{
		{sample{3}, 3, 3, 3, "3.00"},
		{sample{5, 1, 3}, 3, 1, 5, "3.00 (1.00 to 5.00)"},
		{sample{4, 1, 2, 9}, 3, 1, 9, "3.00 (1.00 to 9.00)"},
		{sample{2e6, 12e3}, 1.006e6, 12e3, 2e6, "1.01 M (12 k to 2.00 M)"},
	} {
		if c.s.median() != c.median || c.s.least() != c.least || c.s.most() != c.most || spread(c.s) != c.shown {
			t.Errorf("%v: got %v, %v, %v, %s", c.s, c.s.median(), c.s.least(), c.s.most(), spread(c.s))
		}
	}
	if !math.IsNaN(sample(nil).median()) || spread(nil) != "–" {
		t.Error("nothing has a median")
	}
	if got := spread(quotients(sample{4, 9}, sample{2, 3})); got != "2.50 (2.00 to 3.00)" {
		t.Errorf("got %s", got)
	}
	if atLeast("", 2, sample{1, 2, 3}).Met != true || atLeast("", 2, sample{1, 1.9, 3}).Met || atMost("", 2, sample{3}).Met || !atMost("", 2, sample{2}).Met {
		t.Error("targets are met or not by the median")
	}
	if atLeast("", 0, nil).Met || atMost("", 0, nil).Met {
		t.Error("what was not measured meets no target")
	}
}

// What stands for many results shows each difference, and no order.
func TestDigests(t *testing.T) {
	t.Parallel()
	of := func(results ...string) string {
		var d digest
		for i := 0; i < len(results); i += 2 {
			d.add(results[i], results[i+1])
		}
		return fmt.Sprint(d.found())
	}
	right := of("a", "1", "b", "2")
	if of("b", "2", "a", "1") != right {
		t.Error("the order shows")
	}
	for _, wrong := range []string{of("a", "2", "b", "1"), of("a", "1"), of("a", "1", "b", "2", "b", "2"), of("a", "1", "b", "3"), of("a", "1", "c", "2")} {
		if wrong == right {
			t.Errorf("%s stands for other results too", wrong)
		}
	}
}

// A tenth of the keys changes with each block, and all of them in ten.
func TestSlidingKeys(t *testing.T) {
	t.Parallel()
	const keys, block = 1000, 20_000
	all := make(map[uint64]bool)
	for b := range 10 {
		changed := make(map[uint64]bool)
		for i := range block {
			changed[slidingKey(keys+b*block+i, keys, block)] = true
		}
		if len(changed) < keys/10 || len(changed) > keys/5 {
			t.Errorf("block %d changes %d keys", b, len(changed))
		}
		for k := range changed {
			all[k] = true
		}
	}
	if len(all) != keys {
		t.Errorf("%d keys change in ten blocks", len(all))
	}
}

// A consumer gets its part of a fifth of the records.
func TestRulesMatchAFifth(t *testing.T) {
	t.Parallel()
	const n, consumers = 50_000, 10
	by := shuffledByConsumer(testcase{Job: contest.Job{Records: n, Keys: consumers}})
	if len(by) != consumers {
		t.Errorf("%d consumers have records", len(by))
	}
	for c, all := range by {
		if len(all) < 850 || len(all) > 1150 {
			t.Errorf("consumer %d has %d records, expected 1000", c, len(all))
		}
	}
}

// Events are as long as they are said to be, and are what encoding/json takes them for.
func TestEvents(t *testing.T) {
	t.Parallel()
	for i := range 1000 {
		data := appendEvent(nil, i, 50)
		var e contest.Event
		if err := json.Unmarshal(data, &e); err != nil || len(data) != eventSize {
			t.Fatalf("%s: %d bytes, %v", data, len(data), err)
		}
		if !strings.HasPrefix(e.Ad, "ad-000") || e.User == "" || e.Time != 1_700_000_000_000+int64(i) {
			t.Fatalf("got %+v", e)
		}
	}
}
