package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// A window is sealed once each registered producer has promised it for each shard, and what comes from before that is late.
func TestDriverPromises(t *testing.T) {
	t.Parallel()
	d := pipelinetest.NewDriver(t, promised(2, "a", "b")())
	push := func(producer string, shard int, at int64, value uint64) {
		t.Helper()
		data, _ := json.Marshal(reading{Sensor: "s", At: begin + at, Value: value})
		d.PushMessage("readings", pipelinetest.Message{Data: data, Shard: shard, Producer: producer})
	}
	expect := func(when string, want ...string) {
		t.Helper()
		var got []string
		for _, r := range d.Results("sums") {
			got = append(got, r.Payload)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", when, got, want)
		}
	}
	noon := pipelinetest.Start.Add(10 * time.Second)
	push("a", 0, 1, 1)
	push("b", 1, 2, 10)
	push("a", 1, 3, 100)
	d.Promise("readings", "a", noon)
	expect("one has promised")
	d.Promise("readings", "b", noon, 0)
	expect("for one shard only")
	push("b", 1, 4, 1000)
	d.Promise("readings", "b", noon, 1)
	expect("all have promised", "1111")
	push("b", 0, 5, 10000)
	rejected := d.Rejected()
	if len(rejected) != 1 || !rejected[0].Late {
		t.Errorf("rejected: %+v", rejected)
	}
	push("b", 0, 15, 5)
	d.End()
	expect("the end", "5")
	if rejected := d.Rejected(); len(rejected) > 0 { // each promise has the right count and digest
		t.Errorf("rejected: %+v", rejected)
	}
	if said := outside("TestX", func(t testing.TB) {
		pipelinetest.NewDriver(t, sensors(1, same)()).Promise("readings", "a", noon)
	}); !strings.Contains(said, "has no registered producers") {
		t.Errorf("said %q", said)
	}
}

// Promises in a log count what stands before them, under all schedules and however the log is dealt to shards, and as text.
func TestLogPromises(t *testing.T) {
	t.Parallel()
	l := pipelinetest.Log{Read: "readings", Messages: [][]byte{[]byte("nobody's")}}
	want := map[string]uint64{}
	for second := range int64(40) {
		r := reading{Sensor: fmt.Sprint("s", second%3), At: begin + second, Value: 1 << (second % 10)}
		data, _ := json.Marshal(r)
		l.Publish([]string{"a", "b"}[second%2], string(data))
		want[fmt.Sprintf("%s %d", r.Sensor, second/10)] += r.Value
		if second%10 == 9 {
			l.Promise("a", pipelinetest.Start.Add(time.Duration(second+1)*time.Second))
			l.Promise("b", pipelinetest.Start.Add(time.Duration(second+1)*time.Second))
		}
	}
	check := func(name string, out pipelinetest.Outcome) {
		t.Helper()
		got := map[string]uint64{}
		for _, r := range out.Results {
			_, err := fmt.Sscan(r.Payload, new(uint64))
			if err != nil {
				t.Fatal(err)
			}
			var n uint64
			_, _ = fmt.Sscan(r.Payload, &n)
			got[fmt.Sprintf("%s %d", r.Key, (r.Window.Start/1e9-begin)/10)] += n
		}
		if !maps.Equal(got, want) || len(out.Rejected) != 1 {
			t.Errorf("%s: got %v, want %v; rejected %v", name, got, want, out.Rejected)
		}
	}
	check("schedules", pipelinetest.Check(t, promised(1, "a", "b"), []pipelinetest.Log{l}, pipelinetest.Options{Rounds: 10}))
	check("deals", pipelinetest.CheckShards(t, func(shards int) *pipeline.Pipeline { return promised(shards, "a", "b")() }, []pipelinetest.Log{l}, pipelinetest.Options{Rounds: 20}))
	dealt := pipelinetest.Deal([]pipelinetest.Log{l}, "readings", 2)
	for _, l := range dealt {
		promises := 0
		for _, at := range l.Promises {
			if !at.IsZero() {
				promises++
			}
		}
		if promises != 8 {
			t.Errorf("shard %d has %d promises", l.Shard, promises)
		}
	}
	back, err := pipelinetest.Reparse(&pipelinetest.History{Pipeline: "promised", Owners: 1, Shards: 2, Logs: dealt})
	if err != nil {
		t.Fatal(err)
	}
	out, err := back.RunShards(func(shards int) *pipeline.Pipeline { return promised(shards, "a", "b")() }, pipelinetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	check("text", out)
	check("but nobody's", func() pipelinetest.Outcome {
		out := pipelinetest.Check(t, promised(1, "a", "b"), []pipelinetest.Log{pipelinetest.Without(l, 0, 1)}, pipelinetest.Options{Rounds: 1})
		if len(out.Rejected) != 0 {
			t.Errorf("rejected %v", out.Rejected)
		}
		out.Rejected = map[string]string{"one": "as before"}
		return out
	}())
}

// What a deal shows is saved, tried first from then on, and replayed alone; also where the records have producers.
func TestDealsAreSaved(t *testing.T) {
	t.Chdir(t.TempDir())
	first := func(shards int) *pipeline.Pipeline { // which record came first depends on the deal
		p := pipeline.New("firsts")
		var subjects []string
		for i := range shards {
			subjects = append(subjects, fmt.Sprintf("firsts.%d", i))
		}
		in := pipeline.Read(p, "readings", pipeline.Source[reading]{Stream: "SENSORS", Subjects: subjects, Producers: []string{"a"}, Decode: pipeline.JSON[reading], Time: reading.time})
		lifted := operators.Aggregate("first", operators.Window(bySensor(in), operators.Tumbling(10*time.Second)), liftArrival)
		pipeline.Write(p, "first", operators.Finals(operators.Seal(lifted, operators.Punctuation())), nowhere("first"), encodeArrival)
		return p
	}
	var l pipelinetest.Log
	l.Read = "readings"
	for i := range int64(12) {
		data, _ := json.Marshal(reading{Sensor: "s", At: begin + i, Value: uint64(i)})
		l.Publish("a", string(data))
	}
	l.Promise("a", pipelinetest.Start.Add(12*time.Second))
	in := []pipelinetest.Log{l}
	check := func(build func(int) *pipeline.Pipeline) string {
		return outside("TestX", func(t testing.TB) { pipelinetest.CheckShards(t, build, in, pipelinetest.Options{Seed: 1, Rounds: 5}) })
	}
	said := check(first)
	files, err := filepath.Glob("testdata/pipelinetest/TestX/*")
	if err != nil || len(files) != 1 || !strings.Contains(said, files[0]) || !strings.Contains(said, "CheckShards tries first") {
		t.Fatalf("%v: %v, said %s", err, files, said)
	}
	if text, err := os.ReadFile(files[0]); err != nil || !strings.Contains(string(text), "\nshards ") {
		t.Errorf("%v: %s", err, text)
	}
	in = []pipelinetest.Log{{Read: "readings"}} // which could not show it
	if again := check(first); !strings.Contains(again, "the saved history "+files[0]) {
		t.Errorf("said %q", again)
	}
	if again := outside("TestZ", func(t testing.TB) { pipelinetest.ReplayShards(t, first, files[0], pipelinetest.Options{}) }); !strings.Contains(again, "give other results than in one shard") {
		t.Errorf("said %q", again)
	}
	if other := outside("TestX", func(t testing.TB) { // Check passes over what is of CheckShards
		pipelinetest.Check(t, func() *pipeline.Pipeline { return first(1) }, in, pipelinetest.Options{Rounds: 1})
	}); other != "" {
		t.Errorf("said %q", other)
	}
	if _, err := new(pipelinetest.History).RunShards(first, pipelinetest.Options{}); err == nil || !strings.Contains(err.Error(), "CheckShards has not made it") {
		t.Errorf("got %v", err)
	}
}
