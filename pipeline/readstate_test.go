package pipeline_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
	"pgregory.net/rapid"
)

type shop int16

// readShops merges the counts of shops, and says when one has 10.
func readShops() *pipeline.Pipeline {
	p := pipeline.New("shops")
	state := pipeline.ReadState[shop, crdt.GCounter](p, "sales", "shop", pipeline.StateSource{Stream: "SALES", Subjects: []string{"sales.0", "sales.1", "sales.2"}})
	pipeline.Write(p, "ten", operators.Threshold(state, crdt.AtLeast(10)), sinks.Func{Name: "ten"}, pipeline.EncodeJSON)
	final := operators.Finals(operators.Seal(state, operators.EndOfInput()))
	pipeline.Write(p, "all", operators.Map(final, func(f operators.Final[shop, crdt.GCounter]) uint64 { return f.Value.Value() }), sinks.Func{Name: "all"}, pipeline.EncodeJSON)
	return p
}

func encodeShop(t pipelinetest.T, key shop, c crdt.GCounter) []byte {
	t.Helper()
	data, err := pipeline.EncodeState(operators.Bound[shop, crdt.GCounter]{Key: key, Window: operators.Span{Start: -1 << 63, End: 1<<63 - 1}, Value: c})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return data
}

// Values of several histories, with the same shards in each, in any order, any number of times and in any shard, with some of them missing, are
// merged to the sum of what is the newest of each.
func TestStatesAreMergedInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := pipelinetest.NewDriver(t, readShops())
		scopes := []string{"-/a/counts/1f/0", "north/a/counts/1f/0", "north/a/counts/1f/1", "north/b/counts/1f/0", ""}
		newest := make(map[string]uint64)
		for range rapid.IntRange(1, 30).Draw(t, "messages") {
			scope := rapid.SampledFrom(scopes).Draw(t, "scope")
			n := rapid.Uint64Range(1, 20).Draw(t, "count")
			var c crdt.GCounter
			c.Add("counts/0", n)
			m := pipelinetest.Message{Data: encodeShop(t, -7, c), Shard: rapid.IntRange(0, 2).Draw(t, "shard")}
			if scope != "" {
				m.Header = map[string][]string{sinks.OriginHeader: {scope}, sinks.VerdictHeader: {"lower-bound"}}
			}
			d.PushMessage("sales-values", m)
			newest[scope] = max(newest[scope], n)
		}
		var want uint64
		for _, n := range newest {
			want += n
		}
		if ten := d.Results("ten"); (len(ten) == 1) != (want >= 10) || len(ten) > 0 && ten[0].Payload != "-7" {
			t.Fatalf("ten: %v, want %d", ten, want)
		}
		d.End()
		all := d.Results("all")
		if len(all) != 1 || all[0].Payload != string(mustJSON(t, want)) || all[0].Verdict != crdt.Final {
			t.Fatalf("all: %v, want %d", all, want)
		}
		if dead := d.Rejected(); len(dead) > 0 {
			t.Fatalf("rejected: %v", dead)
		}
	})
}

func mustJSON(t pipelinetest.T, v uint64) []byte {
	t.Helper()
	data, err := pipeline.EncodeJSON(v)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return data
}

// What is no state, or may be wrong, is a dead letter, and changes nothing.
func TestWhatIsNoStateIsADeadLetter(t *testing.T) {
	t.Parallel()
	var c crdt.GCounter
	c.Add("counts/0", 10)
	good := encodeShop(t, 7, c)
	tooFar := append([]byte{1, 8, 0, 0, 0, 0, 0, 1, 0, 0}, good[10:]...) // 65536 is no int16
	d := pipelinetest.NewDriver(t, readShops())
	hostile := [][]byte{nil, {2}, good[1:], good[:5], good[:len(good)-1], append(good[:len(good):len(good)], 0), tooFar, {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}}
	for _, data := range hostile {
		d.PushMessage("sales-values", pipelinetest.Message{Data: data})
	}
	d.PushMessage("sales-values", pipelinetest.Message{Data: good, Header: map[string][]string{sinks.VerdictHeader: {"provisional"}}})
	dead := d.Rejected()
	if len(dead) != len(hostile)+1 {
		t.Fatalf("%d of %d messages are dead letters: %v", len(dead), len(hostile)+1, dead)
	}
	for i, r := range dead[:len(hostile)] {
		if !strings.Contains(r.Reason, "no state as EncodeState writes it") {
			t.Errorf("%x: %s", hostile[i], r.Reason)
		}
	}
	if last := dead[len(hostile)]; !strings.Contains(last.Reason, "provisional may be wrong") {
		t.Errorf("provisional: %s", last.Reason)
	}
	if ten := d.Results("ten"); len(ten) > 0 {
		t.Errorf("a dead letter has counted: %v", ten)
	}
	d.PushMessage("sales-values", pipelinetest.Message{Data: good})
	if ten := d.Results("ten"); len(ten) != 1 {
		t.Errorf("a good one has not counted: %v", d.Rejected())
	}
	if _, err := pipeline.EncodeState(operators.Bound[shop, crdt.GCounter]{Window: operators.Span{Start: 0, End: 10}}); err == nil {
		t.Error("a state of a window has been encoded")
	}
}

// A mistake of a ReadState is told with the place where it stands.
func TestMistakesOfReadState(t *testing.T) {
	t.Parallel()
	p := pipeline.New("mistakes")
	state := pipeline.ReadState[string, crdt.GCounter](p, "no name", "no key", pipeline.StateSource{Stream: "SALES"})
	pipeline.Write(p, "ten", operators.Threshold(state, crdt.AtLeast(10)), sinks.Func{Name: "ten"}, pipeline.EncodeText)
	err := p.Err()
	if err == nil || strings.Contains(err.Error(), "readstate.go") || strings.Count(err.Error(), "readstate_test.go:") < 3 {
		t.Errorf("%v", err)
	}
}

// Lower bounds that count under the names of shards say which history they are of, the same for every owner. Others, whose origins the user has
// made and which may mean the same elsewhere, do not.
func TestOriginsOfPublishedCounts(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	in := newInput(t, js, "origins", 2)
	build := func() *pipeline.Pipeline {
		p := pipeline.New("origins")
		lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "origins", Subjects: []string{"origins.in.0", "origins.in.1"}, Decode: pipeline.Text})
		byWord := operators.KeyBy(lines, "word", strings.ToLower)
		write := func(name string, counts operators.Growing[string, crdt.GCounter]) {
			bounds := operators.Bounds(counts, crdt.Whole[crdt.GCounter](), crdt.CountOf(), 1)
			pipeline.Write(p, name, bounds, sinks.Subject{Name: name, Stream: name + "_OUT"}, pipeline.EncodeState)
		}
		write("counted", operators.Count("counts", byWord))
		write("summed", operators.Sum("sums", byWord, func(string) uint64 { return 2 }))
		write("own", operators.Aggregate("own", byWord, func(w string) (c crdt.GCounter) {
			c.Add("device", 1)
			return c
		}))
		return p
	}
	in.put(t, 0, "calm")
	in.put(t, 1, "calm")
	in.end(t)
	if err := build().Run(t.Context(), pipeline.Config{Conn: conn, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	x, err := js.Stream(t.Context(), "CALM_X_origins")
	if err != nil {
		t.Fatal(err)
	}
	incarnation := x.CachedInfo().Created.UnixNano()
	for name, want := range map[string]string{"counted": "counts", "summed": "sums", "own": ""} {
		got := make(map[string]bool)
		for _, m := range stored(t, js, name+"_OUT") {
			origin := m.Header.Get("Calm-Origin")
			got[origin] = true
			if want == "" && origin != "" || want != "" && !strings.HasPrefix(origin, "-/origins/"+want+"/"+strconv.FormatInt(incarnation, 16)+"/") {
				t.Errorf("%s: %q", name, origin)
			}
		}
		if len(got) != 1 { // of one key
			t.Errorf("%s: %v", name, got)
		}
	}
}
