package sinks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/sinks"
	"github.com/calmstream/calmstream/sinks/sinktest"
	"pgregory.net/rapid"
)

// page is a destination for JSONLines.
type page struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *page) read() ([]sinks.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return readLines(p.buf.String())
}

func readLines(text string) ([]sinks.Record, error) {
	var all []sinks.Record
	for line := range strings.Lines(text) {
		r, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("%.200q: %w", line, err)
		}
		all = append(all, r)
	}
	return all, nil
}

func parseLine(line string) (sinks.Record, error) {
	if !strings.HasSuffix(line, "\n") {
		return sinks.Record{}, io.ErrUnexpectedEOF
	}
	var l struct {
		ID, Verdict, Key, Window, Frontier, Pipeline string
		KeyBase64                                    []byte `json:"key_base64"`
		Value                                        json.RawMessage
		ValueBase64                                  []byte `json:"value_base64"`
	}
	if err := json.Unmarshal([]byte(line), &l); err != nil {
		return sinks.Record{}, err
	}
	verdict, err := verdictOf(l.Verdict)
	r := sinks.Record{ID: l.ID, Verdict: verdict, Key: l.Key + string(l.KeyBase64), Window: l.Window, Frontier: l.Frontier, Pipeline: l.Pipeline}
	var text string
	switch {
	case l.Value == nil:
		r.Payload = l.ValueBase64
	case json.Unmarshal(l.Value, &text) == nil && l.Value[0] == '"':
		r.Payload = []byte(text)
	default:
		r.Payload = l.Value
	}
	return r, err
}

func TestJSONLinesConforms(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, sinktest.Config{
		New: func(testing.TB) (sinks.Sink, func() ([]sinks.Record, error)) {
			p := &page{}
			return &sinks.JSONLines{W: p, Name: "page"}, p.read
		},
		Missing: []sinks.Sink{&sinks.JSONLines{}, &sinks.JSONLines{W: &page{}}, &sinks.JSONLines{Name: "page"}},
	})
}

func TestJSONLinesFormat(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		record sinks.Record
		want   string
	}{
		{sinks.Record{ID: "1"}, `{"id":"1","verdict":"provisional","value":""}`},
		{
			sinks.Record{ID: "1", Verdict: crdt.Final, Key: "<k>", Window: "w", Frontier: "end", Pipeline: "p", Path: "x", Payload: []byte("{\n \"a\": 1.50,\"b\":[ ]}")},
			`{"id":"1","verdict":"final","key":"<k>","window":"w","frontier":"end","pipeline":"p","value":{"a":1.50,"b":[]}}`,
		},
		{sinks.Record{ID: "1", Key: "\xff", Payload: []byte("a <b>\n")}, `{"id":"1","verdict":"provisional","key_base64":"/w==","value":"a <b>\n"}`},
		{sinks.Record{ID: "1", Payload: []byte("\xff")}, `{"id":"1","verdict":"provisional","value_base64":"/w=="}`},
		{sinks.Record{ID: "1", Payload: []byte("\"\xff\"")}, `{"id":"1","verdict":"provisional","value_base64":"Iv8i"}`},
		{sinks.Record{ID: "1", Payload: []byte("null")}, `{"id":"1","verdict":"provisional","value":null}`},
		{sinks.Record{ID: "1", Payload: []byte("12345678901234567890123")}, `{"id":"1","verdict":"provisional","value":12345678901234567890123}`},
		{sinks.Record{ID: "1", Payload: []byte("1 2")}, `{"id":"1","verdict":"provisional","value":"1 2"}`},
	} {
		var b bytes.Buffer
		w := open(t, &sinks.JSONLines{W: &b, Name: "page"}, nil)
		if err := w.Write(testContext(t), []sinks.Record{test.record}); err != nil {
			t.Fatal(err)
		}
		if b.String() != test.want+"\n" {
			t.Errorf("wrote %s\nwant  %s", b.String(), test.want)
		}
	}
}

// cutter is an io.Writer that takes only so many bytes of each call, and then fails or says nothing.
type cutter struct {
	bytes.Buffer
	calls  int
	cuts   []int
	silent bool
}

var errCut = errors.New("disk full")

func (c *cutter) Write(b []byte) (int, error) {
	c.calls++
	if len(c.cuts) == 0 {
		return c.Buffer.Write(b)
	}
	n := min(c.cuts[0], len(b))
	c.cuts = c.cuts[1:]
	c.Buffer.Write(b[:n])
	if c.silent {
		return n, nil
	}
	return n, errCut
}

// Wherever writes break off, every record stands on a whole line in the end, and what does not parse is
// the beginning of a line that stands whole elsewhere.
func TestJSONLinesSurviveBrokenWrites(t *testing.T) {
	t.Parallel()
	records := []sinks.Record{result("1", "", "text"), result("2", "", `{"a":1}`), result("3", "", "\xff")}
	rapid.Check(t, func(rt *rapid.T) {
		out := &cutter{
			cuts:   rapid.SliceOfN(rapid.IntRange(0, 240), 0, 5).Draw(rt, "cuts"),
			silent: rapid.Bool().Draw(rt, "silent"),
		}
		sink := &sinks.JSONLines{W: out, Name: "page"}
		var writers []sinks.Writer
		for range 2 {
			writers = append(writers, open(t, sink, nil))
		}
		for tries := 0; ; tries++ {
			err := writers[tries%2].Write(testContext(t), records)
			if err == nil {
				break
			}
			if errors.Is(err, sinks.ErrPermanent) || !errors.Is(err, errCut) && !errors.Is(err, io.ErrShortWrite) || tries > 5 {
				rt.Fatal(err)
			}
		}
		whole := map[string]bool{}
		for line := range strings.Lines(out.String()) {
			if r, err := parseLine(line); err == nil {
				whole[r.ID] = true
			} else if strings.Count(line, `{"id"`) > 1 {
				rt.Fatalf("lines run together: %q", line)
			}
		}
		if len(whole) != len(records) {
			rt.Fatalf("whole lines only for %v in %q", whole, out.String())
		}
	})
}

func TestJSONLinesWritesOncePerBatch(t *testing.T) {
	t.Parallel()
	out := &cutter{}
	w := open(t, &sinks.JSONLines{W: out, Name: "page"}, nil)
	for range 3 {
		if err := w.Write(testContext(t), []sinks.Record{result("1", "", ""), result("2", "", "")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(testContext(t), nil); err != nil {
		t.Fatal(err)
	}
	if out.calls != 3 {
		t.Errorf("3 batches made %d calls", out.calls)
	}
}

// A plain file without any lock of its own gets whole lines from many shards.
func TestJSONLinesKeepsShardsApart(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer // not safe for concurrent use: the race detector sees a missing lock
	sink := &sinks.JSONLines{W: &out, Name: "page"}
	var group sync.WaitGroup
	for shard := range 4 {
		w := open(t, sink, nil)
		group.Go(func() {
			for i := range 50 {
				if err := w.Write(testContext(t), []sinks.Record{result(fmt.Sprintf("%d/%d", shard, i), "", "text")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	got, err := readLines(out.String())
	if err != nil || len(got) != 200 {
		t.Errorf("%d lines, %v", len(got), err)
	}
}

func TestStdout(t *testing.T) {
	t.Parallel()
	if s := sinks.Stdout(); s.W != os.Stdout || s.Target() != "json lines stdout" {
		t.Errorf("Stdout is %q on %v", s.Target(), s.W)
	}
}
