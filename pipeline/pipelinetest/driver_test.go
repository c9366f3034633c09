package pipelinetest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// Pushed one by one, the messages of a log lead to what Check finds, whatever the number of shards.
func TestDriverAgreesWithCheck(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 3} {
		in := logs(shards, 60)
		want := pipelinetest.Check(t, sensors(shards, same), in, pipelinetest.Options{Rounds: 1})
		d := pipelinetest.NewDriver(t, sensors(shards, same)())
		for _, l := range in {
			for i, data := range l.Messages {
				d.PushMessage("readings", pipelinetest.Message{Data: data, Shard: l.Shard, Stored: pipelinetest.Start.Add(time.Duration(i) * time.Second)})
			}
		}
		d.End()
		var got []string
		for _, write := range []string{"big", "high", "seven", "sums", "top", "values"} {
			for _, r := range d.Results(write) {
				got = append(got, r.String())
			}
		}
		var wanted []string
		for _, r := range want.Results {
			wanted = append(wanted, r.String())
		}
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%d shards: got %q, want %q", shards, got, wanted)
		}
		var reasons []string
		for _, r := range d.Rejected() {
			reasons = append(reasons, r.Reason)
			if r.Payload == nil || r.Subject == "" || r.Late != strings.HasPrefix(r.Reason, "late") {
				t.Errorf("%d shards: %+v", shards, r)
			}
		}
		slices.Sort(reasons)
		if all := slices.Sorted(maps.Values(want.Rejected)); !slices.Equal(reasons, all) {
			t.Errorf("%d shards: got %q, want %q", shards, reasons, all)
		}
	}
}

// What a driver is given is what decoders see, and what it hands out says what it is about.
func TestDriverMessages(t *testing.T) {
	t.Parallel()
	p := pipeline.New("meta")
	in := pipeline.Read(p, "in", pipeline.Source[pipeline.Record[string]]{Stream: "IN", Subjects: []string{"in.a", "in.b"}, Decode: pipeline.WithMetadata(pipeline.Text)})
	text := operators.Map(in, func(r pipeline.Record[string]) string {
		return fmt.Sprint(r.Value, " ", r.Subject, " ", r.Header["From"], " ", r.Seq, " ", r.Stored.Format(time.TimeOnly))
	})
	pipeline.Write(p, "out", text, nowhere("out"), pipeline.EncodeText)
	d := pipelinetest.NewDriver(t, p)
	d.Push("in", "x")
	d.Advance(time.Hour)
	d.Push("in", "y")
	d.PushMessage("in", pipelinetest.Message{Data: []byte("z"), Shard: 1, Subject: "in.b", Header: map[string][]string{"From": {"me"}}})
	var got []string
	for _, r := range d.Results("out") {
		got = append(got, r.Payload)
	}
	want := []string{"x in.0 [] 1 00:00:00", "y in.0 [] 2 01:00:00", "z in.b [me] 1 01:00:00"}
	if !slices.Equal(got, want) || len(d.Results("out")) != 0 || !d.Now().Equal(pipelinetest.Start.Add(time.Hour)) {
		t.Errorf("got %q", got)
	}
}

// One input can end while the other goes on.
func TestDriverEndsOneInput(t *testing.T) {
	t.Parallel()
	p := pipeline.New("two")
	both := operators.Union(input(p, "left", 2), input(p, "right", 1))
	counts := operators.Count("counts", operators.KeyBy(both, "word", word))
	pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.EndOfInput())), nowhere("counts"), encodeTally)
	d := pipelinetest.NewDriver(t, p)
	d.Push("left", "a")
	d.End("left")
	d.Push("right", "a", "b")
	if early := d.Results("counts"); len(early) != 0 {
		t.Errorf("before the end: %v", early)
	}
	d.End()
	d.End() // a second time changes nothing
	got := d.Results("counts")
	if len(got) != 2 || got[0].Payload != "a=2" || got[1].Payload != "b=1" || got[0].Key != "a" || !got[0].About || !got[0].Window.IsGlobal() {
		t.Errorf("got %v", got)
	}
}

// complaints keeps what a driver says to a test that it ends.
type complaints []string

func (c *complaints) Helper() {}
func (c *complaints) Fatalf(format string, args ...any) {
	*c = append(*c, fmt.Sprintf(format, args...))
}

// Mistakes end the test with words that say what is there.
func TestDriverMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		use  func(d *pipelinetest.Driver)
		want string
	}{
		"read":   {func(d *pipelinetest.Driver) { d.Push("line", "x") }, `no Read "line"; it has lines`},
		"write":  {func(d *pipelinetest.Driver) { d.Results("count") }, `no Write "count"; it has counts, twice`},
		"shard":  {func(d *pipelinetest.Driver) { d.PushMessage("lines", pipelinetest.Message{Shard: 1}) }, "there is no shard 1"},
		"ended":  {func(d *pipelinetest.Driver) { d.End(); d.Push("lines", "x") }, "has ended"},
		"ending": {func(d *pipelinetest.Driver) { d.End("line") }, `no Read "line"`},
	} {
		var said complaints
		c.use(pipelinetest.NewDriver(&said, words()))
		if len(said) != 1 || !strings.Contains(said[0], c.want) {
			t.Errorf("%s: said %q", name, said)
		}
	}
	var said complaints
	pipelinetest.NewDriver(&said, pipeline.New("nothing"))
	if len(said) != 1 || !strings.Contains(said[0], "nothing is written") {
		t.Errorf("said %q", said)
	}
}
