package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// rig is one family on a server: its pipeline, which is built anew for each run, and its inputs.
type rig struct {
	*testing.T
	srv  *natstest.Server
	js   jetstream.JetStream
	name string
	of   family
}

// family is a pipeline of operators that are alike.
type family struct {
	name  string
	build func(b *builder)
	// feed publishes part 0, 1, 2 or 3 of the inputs, and their ends with the last one; nil means samples.
	feed func(r *rig, part int)
	// source changes how an input is read.
	source func(*pipeline.Source[sample])
}

const (
	familyShards = 2
	parts        = 4
)

// builder builds the pipeline of a family.
type builder struct {
	p     *pipeline.Pipeline
	rig   *rig
	reads []string
}

func (r *rig) build() *builder {
	b := &builder{p: pipeline.New(r.name), rig: r}
	b.p.Shards = familyShards
	r.of.build(b)
	return b
}

func (r *rig) stream(side string) string { return r.name + "_" + side }

func (r *rig) subject(side string, shard int) string {
	return fmt.Sprintf("%s.%s.%d", r.name, side, shard)
}

func (r *rig) subjects(side string) (all []string) {
	for i := range familyShards {
		all = append(all, r.subject(side, i))
	}
	return all
}

// read reads one of the inputs, "left" or "right".
func (b *builder) read(side string) operators.Stream[sample] {
	from := pipeline.Source[sample]{
		Stream: b.rig.stream(side), Subjects: b.rig.subjects(side), Decode: pipeline.JSON[sample], Time: sample.time,
	}
	if b.rig.of.source != nil {
		b.rig.of.source(&from)
	}
	b.reads = append(b.reads, side)
	return pipeline.Read(b.p, side, from)
}

// keyed reads one of the inputs by sensor.
func (b *builder) keyed(side string) operators.Keyed[string, sample] {
	return operators.KeyBy(b.read(side), "sensor", sample.sensor)
}

func (b *builder) both() (left, right operators.Keyed[string, sample]) {
	return b.keyed("left"), b.keyed("right")
}

// write stores results in a stream for each Write.
func write[T any](b *builder, name string, in operators.Stream[T], encode func(T) ([]byte, error)) {
	pipeline.Write(b.p, name, in, sinks.Subject{Name: b.rig.name + ".out." + name, Stream: b.rig.stream("out_" + name)}, encode)
}

// seal stores what each key has in each window that is sealed.
func seal[L any](b *builder, state operators.Growing[string, L], name string, when operators.Sealing) {
	write(b, name, operators.Finals(operators.Seal(state, when)), encodeFinal[L])
}

func encodeFinal[L any](f operators.Final[string, L]) ([]byte, error) {
	value, err := json.Marshal(f.Value)
	return fmt.Appendf(nil, "%s %s %s", f.Key, f.Window, value), err
}

// everything returns the messages of a stream, in order.
func (r *rig) everything(stream string) (all []jetstream.Msg) {
	r.Helper()
	s, err := r.js.Stream(r.Context(), stream)
	if err != nil {
		r.Fatal(err)
	}
	consumer, err := s.OrderedConsumer(r.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		r.Fatal(err)
	}
	for n := s.CachedInfo().State.Msgs; uint64(len(all)) < n; {
		batch, err := consumer.Fetch(int(n) - len(all))
		if err != nil {
			r.Fatal(err)
		}
		for m := range batch.Messages() {
			all = append(all, m)
		}
		if err := batch.Error(); err != nil {
			r.Fatal(err)
		}
	}
	return all
}

// running is an owner of all shards.
type running struct {
	pipeline.Monitor
	ended chan error
}

// run starts an owner.
func (r *rig) run(ctx context.Context, cfg pipeline.Config) *running {
	o := &running{ended: make(chan error, 1)}
	cfg.Logger, cfg.Monitor, cfg.Worker = quiet, &o.Monitor, "one" // who comes back, and need not wait for who has gone
	p := r.build().p
	go func() { o.ended <- p.Run(ctx, cfg) }()
	return o
}

// caughtUp waits until the shards of the inputs have applied all that is there, and all shards have a checkpoint.
func (r *rig) caughtUp(what string, o *running) {
	r.Helper()
	last := make(map[string]uint64)
	for _, side := range r.build().reads {
		for shard := range familyShards {
			s, err := r.js.Stream(r.Context(), r.stream(side))
			if err != nil {
				r.Fatal(err)
			}
			m, err := s.GetLastMsgForSubject(r.Context(), r.subject(side, shard))
			if err != nil {
				r.Fatal(err)
			}
			last[fmt.Sprint(side, shard)] = m.Sequence
		}
	}
	natstest.Eventually(r, what, func() bool {
		select {
		case err := <-o.ended:
			r.Fatalf("%s has ended: %v", what, err)
		default:
		}
		for _, s := range o.Shards() {
			if s.Position < last[fmt.Sprint(s.Stage, s.Shard)] || s.Committed == 0 {
				return false
			}
		}
		return o.Running()
	})
}

// through runs the family: an owner that is stopped, with a last checkpoint; one that crashes, which is what a lost connection comes
// to, behind its only checkpoint; and one that comes to the end.
func (r *rig) through() {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	r.publish(0)
	stopping, stop := context.WithCancel(ctx)
	owner := r.run(stopping, pipeline.Config{Conn: r.srv.Conn(r.T), CheckpointEvery: 20 * time.Millisecond})
	r.caughtUp("the first owner", owner)
	stop()
	if err := <-owner.ended; err != nil {
		r.Fatal(err)
	}

	r.publish(1)
	crashing, crash := context.WithCancel(ctx)
	conn := r.srv.Conn(r.T)
	owner = r.run(crashing, pipeline.Config{Conn: conn, CheckpointEvery: time.Hour, DrainTimeout: time.Millisecond})
	r.caughtUp("the second owner", owner)
	for _, s := range owner.Shards() {
		if s.Resumed == 0 {
			r.Errorf("shard %s/%d of the second owner began anew", s.Stage, s.Shard)
		}
	}
	r.publish(2)
	r.caughtUp("the second owner again", owner)
	conn.Close()
	crash()
	if err := <-owner.ended; err != nil {
		r.Logf("the second owner: %v", err) // it has lost its connection
	}

	r.publish(parts - 1)
	owner = r.run(ctx, pipeline.Config{Conn: r.srv.Conn(r.T)})
	if err := <-owner.ended; err != nil {
		r.Fatal(err)
	}
	if ctx.Err() != nil {
		r.Fatal("it did not come to the end")
	}
}

// stored returns the results in the output streams, and what was rejected.
func (r *rig) stored(writes []string) (lines []string) {
	r.Helper()
	for _, name := range writes {
		byID := make(map[string][]byte)
		for _, m := range r.everything(r.stream("out_" + name)) {
			h := m.Headers()
			id := h.Get("Calm-Id")
			if before, again := byID[id]; again { // at least once, where it is not created once
				if !bytes.Equal(before, m.Data()) {
					r.Errorf("%s is %s and %s", id, before, m.Data())
				}
				continue
			}
			byID[id] = m.Data()
			lines = append(lines, fmt.Sprintf("%s: %s %s %s %s", name, h.Get("Calm-Verdict"), m.Data(), h.Get("Calm-Key"), h.Get("Calm-Window")))
		}
	}
	for _, m := range r.everything("CALM_DLQ_" + r.name) {
		kind := strings.Split(m.Subject(), ".")[1]
		lines = append(lines, kind+": "+m.Headers().Get("Calm-Error"))
	}
	slices.Sort(lines)
	return lines
}

// inMemory returns what the same messages lead to without a server.
func (r *rig) inMemory(writes []string) (lines []string) {
	r.Helper()
	b := r.build()
	d := pipelinetest.NewDriver(r, b.p)
	for _, side := range b.reads {
		for _, m := range r.everything(r.stream(side)) {
			meta, err := m.Metadata()
			if err != nil {
				r.Fatal(err)
			}
			shard := int(m.Subject()[len(m.Subject())-1] - '0')
			d.PushMessage(side, pipelinetest.Message{Data: m.Data(), Header: m.Headers(), Shard: shard, Subject: m.Subject(), Stored: meta.Timestamp})
		}
	}
	for _, name := range writes {
		for _, res := range d.Results(name) {
			line := fmt.Sprintf("%s: %s %s  ", name, res.Verdict, res.Payload)
			if res.About {
				line = fmt.Sprintf("%s: %s %s %s %s", name, res.Verdict, res.Payload, res.Key, res.Window)
			}
			lines = append(lines, line)
		}
	}
	for _, rejected := range d.Rejected() {
		kind := "dead"
		if rejected.Late {
			kind = "late"
		}
		lines = append(lines, kind+": "+rejected.Reason)
	}
	slices.Sort(lines)
	return lines
}

// missing returns what is in a more often than in b.
func missing(a, b []string) (lines []string) {
	count := make(map[string]int)
	for _, line := range b {
		count[line]++
	}
	for _, line := range a {
		if count[line]--; count[line] < 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// Each family of operators gives on a server, with two shards, exchanges, and owners that are stopped and crash, what it gives in memory,
// where pipelinetest holds it against naive models.
func TestFamilies(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	for i, of := range families {
		t.Run(of.name, func(t *testing.T) {
			t.Parallel()
			r := &rig{T: t, srv: srv, js: srv.JetStream(t), name: fmt.Sprintf("f%d", i), of: of}
			for _, side := range []string{"left", "right"} {
				_, err := r.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: r.stream(side), Subjects: []string{r.name + "." + side + ".*"}, AllowAtomicPublish: true})
				if err != nil {
					t.Fatal(err)
				}
			}
			r.through()
			plan, err := r.build().p.Plan()
			if err != nil {
				t.Fatal(err)
			}
			var writes []string
			for _, w := range plan.Writes {
				writes = append(writes, w.Name)
			}
			want, got := r.inMemory(writes), r.stored(writes)
			for _, name := range writes { // else it shows nothing
				if !slices.ContainsFunc(want, func(line string) bool { return strings.HasPrefix(line, name+": ") }) {
					t.Errorf("the input leads to nothing in %s", name)
				}
			}
			for _, line := range missing(want, got) {
				t.Errorf("missing: %s", line)
			}
			for _, line := range missing(got, want) {
				t.Errorf("not expected: %s", line)
			}
		})
	}
}
