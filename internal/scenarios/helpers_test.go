package scenarios_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/compiletest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

// program is a scenario: a pipeline over an input with a number of shards.
type program func(p *pipeline.Pipeline, shards int)

func (b program) with(shards int) func() *pipeline.Pipeline {
	return func() *pipeline.Pipeline {
		p := pipeline.New("scenario")
		b(p, shards)
		return p
	}
}

// source is an input of lines of words.
func source(name string, shards int) pipeline.Source[string] {
	s := pipeline.Source[string]{Stream: strings.ToUpper(name), Decode: pipeline.Text}
	for i := range shards {
		s.Subjects = append(s.Subjects, fmt.Sprintf("%s.%d", name, i))
	}
	return s
}

// lines reads "events", whose time is that of the server.
func lines(p *pipeline.Pipeline, shards int) operators.Stream[string] {
	return input(p, "events", shards)
}

// stamped reads "events", whose first word is the event time in seconds.
func stamped(p *pipeline.Pipeline, shards int) operators.Stream[string] {
	return timed(p, "events", shards)
}

func timed(p *pipeline.Pipeline, name string, shards int) operators.Stream[string] {
	s := source(name, shards)
	s.Time = second
	return pipeline.Read(p, name, s)
}

func second(line string) time.Time {
	return pipelinetest.Start.Add(time.Duration(number(line, 0)) * time.Second)
}

// endOfAll is what a program with two shards waits for if it waits for the end of its input.
const endOfAll = "the end marker of all 2 shards of events"

// word returns a word of a line, and number one that is a number.
func word(line string, i int) string { return strings.Fields(line)[i] }

func number(line string, i int) int {
	n, err := strconv.Atoi(word(line, i))
	if err != nil {
		panic(err)
	}
	return n
}

// input reads an input without times.
func input(p *pipeline.Pipeline, name string, shards int) operators.Stream[string] {
	return pipeline.Read(p, name, source(name, shards))
}

// by makes a key of a word.
func by(in operators.Stream[string], name string, i int) operators.Keyed[string, string] {
	return operators.KeyBy(in, name, func(line string) string { return word(line, i) })
}

// about keeps the lines that have this word.
func about(in operators.Stream[string], i int, what string) operators.Stream[string] {
	return operators.Filter(in, func(line string) bool { return word(line, i) == what })
}

// write ends a pipeline with text.
func write(p *pipeline.Pipeline, name string, in operators.Stream[string]) {
	pipeline.Write(p, name, in, sinks.Func{Name: name}, pipeline.EncodeText)
}

// writeFinals ends a pipeline with what text makes of each final state.
func writeFinals[K operators.Key, L any](p *pipeline.Pipeline, name string, in operators.Sealed[K, L], text func(f operators.Final[K, L]) string) {
	write(p, name, operators.Map(operators.Finals(in), text))
}

// deal gives lines to the shards of "events", one to each in turn.
func deal(shards int, in []string) []pipelinetest.Log { return dealTo("events", shards, in) }

func dealTo(read string, shards int, in []string) []pipelinetest.Log {
	logs := make([]pipelinetest.Log, shards)
	for i := range logs {
		logs[i] = pipelinetest.Log{Read: read, Shard: i}
	}
	for i, line := range in {
		logs[i%shards].Messages = append(logs[i%shards].Messages, []byte(line))
	}
	return logs
}

// logs gives each shard its lines.
func logs(shards ...[]string) []pipelinetest.Log {
	var all []pipelinetest.Log
	for i, in := range shards {
		all = append(all, pipelinetest.Log{Read: "events", Shard: i, Messages: deal(1, in)[0].Messages})
	}
	return all
}

// everywhere checks that a program makes the same of its input in one, two and three shards, in all schedules: what is right.
func everywhere(t *testing.T, b program, in []string, right ...string) {
	t.Helper()
	everywhereOf(t, b, map[string][]string{"events": in}, right...)
}

// everywhereOf is everywhere for a program with several inputs.
func everywhereOf(t *testing.T, b program, in map[string][]string, right ...string) {
	t.Helper()
	for shards := 1; shards <= 3; shards++ {
		var all []pipelinetest.Log
		for _, read := range slices.Sorted(maps.Keys(in)) {
			all = append(all, dealTo(read, shards, in[read])...)
		}
		atOnce(t, b, shards, all, right)
		out := pipelinetest.Check(t, b.with(shards), all, pipelinetest.Options{Rounds: 25})
		expect(t, out, right...)
		if len(out.Rejected) > 0 {
			t.Errorf("%d shards: rejected %v", shards, out.Rejected)
		}
	}
}

// atOnce checks what is there before the input ends: everything, if the program waits for nothing, and nothing, if it waits for that.
func atOnce(t *testing.T, b program, shards int, in []pipelinetest.Log, right []string) {
	t.Helper()
	plan, err := b.with(shards)().Document()
	if err != nil {
		t.Fatal(err)
	}
	d := drive(t, b, shards)
	for _, l := range in {
		for _, data := range l.Messages {
			d.PushMessage(l.Read, pipelinetest.Message{Shard: l.Shard, Data: data})
		}
	}
	var got []string
	for _, o := range plan.Operators {
		if o.Target != "" {
			got = append(got, results(d.Results(o.Name))...)
		}
	}
	slices.Sort(got)
	switch {
	case len(plan.PointsOfOrder) == 0:
		same(t, got, right)
	case strings.Contains(plan.PointsOfOrder[0].Waits, "the end marker"):
		same(t, got, nil)
	}
}

// results renders results as "write verdict payload", in order.
func results(all []pipelinetest.Result) []string {
	var got []string
	for _, r := range all {
		got = append(got, fmt.Sprint(r.Write, " ", r.Verdict, " ", r.Payload))
	}
	slices.Sort(got)
	return got
}

func expect(t *testing.T, out pipelinetest.Outcome, right ...string) {
	t.Helper()
	same(t, results(out.Results), right)
}

func same(t *testing.T, got, right []string) {
	t.Helper()
	slices.Sort(right)
	if !slices.Equal(got, right) {
		t.Errorf("got\n\t%s\nright is\n\t%s", strings.Join(got, "\n\t"), strings.Join(right, "\n\t"))
	}
}

// waits checks what a program says that it waits for: its points of order, each with a part of its text. Without any it is free.
func waits(t *testing.T, b program, shards int, parts ...string) {
	t.Helper()
	d, err := b.with(shards)().Document()
	if err != nil {
		t.Fatal(err)
	}
	if len(d.PointsOfOrder) != len(parts) {
		t.Fatalf("it has %d points of order, and should have %d: %v", len(d.PointsOfOrder), len(parts), d.PointsOfOrder)
	}
	for i, pt := range d.PointsOfOrder {
		if !strings.Contains(pt.Waits, parts[i]) {
			t.Errorf("%s waits for %s, not for %s", pt.Name, pt.Waits, parts[i])
		}
	}
	for _, o := range d.Operators {
		if o.Target != "" && o.Label != "Async" {
			t.Errorf("write %s is %s: %s", o.Name, o.Label, o.Reason)
		}
	}
	bounded := b.with(shards)()
	bounded.MaxPointsOfOrder = pipeline.NoPointsOfOrder
	if err := bounded.Err(); (err == nil) != (len(parts) == 0) {
		t.Errorf("a pipeline that must not wait: %v", err)
	}
}

// found checks that the kit finds out a program that says different things in different schedules.
func found(t *testing.T, b program, in []pipelinetest.Log) {
	t.Helper()
	shards := 1
	for _, l := range in {
		shards = max(shards, l.Shard+1)
	}
	_, err := pipelinetest.Run(b.with(shards), in, pipelinetest.Options{Seed: 1, Rounds: 400})
	if f := (*pipelinetest.Failure)(nil); !errors.As(err, &f) {
		t.Errorf("the kit finds nothing: %v", err)
	}
}

// refused checks that the planner refuses a program with a text.
func refused(t *testing.T, b program, shards int, text string) {
	t.Helper()
	if err := b.with(shards)().Err(); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("the planner says %v, and not %q", err, text)
	}
}

// drive runs a program step by step.
func drive(t *testing.T, b program, shards int) *pipelinetest.Driver {
	t.Helper()
	return pipelinetest.NewDriver(t, b.with(shards)())
}

// push stores lines in a shard.
func push(d *pipelinetest.Driver, shard int, in ...string) {
	for _, line := range in {
		d.PushMessage("events", pipelinetest.Message{Shard: shard, Data: []byte(line)})
	}
}

// sorted renders a set as one line.
func sorted(all []string) string {
	slices.Sort(all)
	return strings.Join(all, " ")
}

// Each folder of testdata/illegal holds the wrong formulation of a scenario, which must not compile.
func TestWrongFormulationsDoNotCompile(t *testing.T) {
	t.Parallel()
	problems, cases, err := compiletest.Check("../..", "internal/scenarios/testdata/illegal")
	if err != nil || cases == 0 {
		t.Fatalf("%d cases, %v", cases, err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}
