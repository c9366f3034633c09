package pipelinetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
)

// T is what a Driver needs of a test: *testing.T, *testing.B and *rapid.T have it.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Message is one message of an input.
type Message struct {
	// Data is the payload.
	Data []byte
	// Shard is the number of the shard of the Read, from 0.
	Shard int
	// Subject is where it was published. If it is empty it is the name of the Read, a dot, and the shard.
	Subject string
	// Header is nil where the message has none.
	Header map[string][]string
	// Producer is who has published it, if the Read has registered producers; the Driver numbers its records. "" is nobody, or
	// somebody whom the Header names.
	Producer string
	// Stored is when the server stored the message; zero means the clock of the Driver.
	Stored time.Time
}

// Rejection is a late record or a dead letter.
type Rejection struct {
	// Operator is what refused it: the operator with its name.
	Operator string
	// Late tells a record that came after the seal of its window from one that could not be used.
	Late bool
	// Reason says why.
	Reason string
	// Payload is the message that held the record, and Subject where it was published. They are empty for what does not stand
	// in an input: behind an exchange, and where it is a result that failed.
	Payload []byte
	Subject string
}

// Driver runs a pipeline in memory, step by step: push a message, and read at once all that it has led to. Each shard has
// one owner, nothing fails, and records pass the exchanges before Push returns.
//
// It is for tests that say what a pipeline does. That it does so also when owners overlap and crash, Check shows.
// A Driver is for one goroutine.
type Driver struct {
	t        T
	w        *world
	inputs   map[string]*plan.Stage
	now      time.Time
	results  map[string][]Result
	rejected []Rejection
}

// NewDriver starts a pipeline with empty inputs. The clock stands at Start.
func NewDriver(t T, p *pipeline.Pipeline) *Driver {
	t.Helper()
	d := &Driver{t: t, now: Start, inputs: make(map[string]*plan.Stage), results: make(map[string][]Result)}
	cut, err := p.Plan()
	if err == nil {
		d.w, err = newWorld(cut, nil)
	}
	if err == nil {
		clear(d.w.logs) // without the end markers
		err = d.w.populate(1)
	}
	if err != nil {
		d.t.Fatalf("pipelinetest: %v", err)
		return d
	}
	for _, s := range cut.Stages {
		if !s.Exchanged() {
			d.inputs[s.Name] = s
		}
	}
	for _, write := range cut.Writes {
		d.results[write.Name] = nil
	}
	return d
}

// Push stores messages with these payloads in the first shard of a Read, one after the other.
func (d *Driver) Push(read string, payloads ...string) {
	d.t.Helper()
	for _, p := range payloads {
		d.PushMessage(read, Message{Data: []byte(p)})
	}
}

// PushMessage stores a message in a shard of a Read.
func (d *Driver) PushMessage(read string, m Message) {
	d.t.Helper()
	s := d.input(read)
	if s == nil {
		return
	}
	if m.Shard < 0 || m.Shard >= s.Shards {
		d.t.Fatalf("pipelinetest: read %s has %d shards, numbered from 0; there is no shard %d", read, s.Shards, m.Shard)
		return
	}
	id := checkpoint.ShardID{Stage: read, Shard: m.Shard}
	if d.w.owners[d.w.first[id]].Ended() {
		d.t.Fatalf("pipelinetest: shard %v has ended; what stands behind its end marker is no part of the input", id)
		return
	}
	if m.Stored.IsZero() {
		m.Stored = d.now
	}
	if m.Subject == "" {
		m.Subject = fmt.Sprintf("%s.%d", read, m.Shard)
	}
	header := m.Header
	if m.Producer != "" {
		header = seal.RecordHeaders(m.Producer, published(m.Producer, d.w.logs[id]).Count+1)
		maps.Copy(header, m.Header)
	}
	d.append(id, plan.Message{Subject: m.Subject, Data: m.Data, Header: header, Time: m.Stored.UnixNano()})
}

// Promise stores, in each shard of a Read with registered producers, the promise of one of them that all its records from before that time
// are there: as many as it has published to the shard, with their digest. In some shards only, it is the promise for these.
func (d *Driver) Promise(read, producer string, before time.Time, shards ...int) {
	d.t.Helper()
	s := d.input(read)
	if s == nil {
		return
	}
	if len(s.Root.Source.Producers) == 0 {
		d.t.Fatalf("pipelinetest: read %s has no registered producers (Source.Producers): nobody's promise counts", read)
		return
	}
	for i := range s.Shards {
		id := checkpoint.ShardID{Stage: read, Shard: i}
		if d.w.owners[d.w.first[id]].Ended() || len(shards) > 0 && !slices.Contains(shards, i) {
			continue
		}
		promise := seal.Promise{Tally: published(producer, d.w.logs[id]), Before: before.UnixNano()}
		d.append(id, plan.Message{Subject: fmt.Sprintf("%s.%d", read, i), Header: promise.Headers(producer), Time: d.now.UnixNano()})
	}
}

// SealKey stores, in each shard of a Read, the promise of a producer that a value of an attribute is complete: that the records which
// it has published so far, as Message.Producer says, are all that have the value.
func (d *Driver) SealKey(read, producer, attribute, value string) {
	d.t.Helper()
	s := d.input(read)
	if s == nil {
		return
	}
	for shard := range s.Shards {
		t := published(producer, d.w.logs[checkpoint.ShardID{Stage: read, Shard: shard}])
		d.PushMessage(read, Message{Data: []byte(value), Shard: shard, Header: seal.KeyHeaders(producer, attribute, t)})
	}
}

// Advance moves the clock that says when messages are stored. By itself it leads to nothing: a seal is told the time by messages only.
func (d *Driver) Advance(by time.Duration) { d.now = d.now.Add(by) }

// Now returns the time of the clock.
func (d *Driver) Now() time.Time { return d.now }

// End puts an end marker behind each shard of the Reads with these names, or of all if none is named, unless one is there.
func (d *Driver) End(reads ...string) {
	d.t.Helper()
	for _, read := range reads {
		if d.input(read) == nil {
			return
		}
	}
	for _, o := range d.w.owners {
		if !o.stage.Exchanged() && !o.Ended() && (len(reads) == 0 || slices.Contains(reads, o.id.Stage)) {
			for _, m := range endMarkers(d.w.logs[o.id], o.stage.Root.Source.Producers, d.now.UnixNano()) {
				d.append(o.id, m)
			}
		}
	}
}

// Results returns what a Write has produced since the last call, in order.
func (d *Driver) Results(write string) []Result {
	d.t.Helper()
	out, ok := d.results[write]
	if !ok {
		d.t.Fatalf("pipelinetest: the pipeline has no Write %q; it has %s", write, names(d.results))
		return nil
	}
	d.results[write] = nil
	return out
}

// Rejected returns the late records and dead letters since the last call, in order.
func (d *Driver) Rejected() []Rejection {
	out := d.rejected
	d.rejected = nil
	return out
}

func (d *Driver) input(read string) *plan.Stage {
	d.t.Helper()
	s, ok := d.inputs[read]
	if !ok {
		d.t.Fatalf("pipelinetest: the pipeline has no Read %q; it has %s", read, names(d.inputs))
	}
	return s
}

// names lists the keys of a map for people.
func names[V any](of map[string]V) string {
	all := make([]string, 0, len(of))
	for name := range of {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// append puts a message behind the log of a shard and runs all shards until none has anything to do.
func (d *Driver) append(id checkpoint.ShardID, m plan.Message) {
	d.t.Helper()
	m.Seq = uint64(len(d.w.logs[id]) + 1)
	d.w.logs[id] = append(d.w.logs[id], m)
	for _, o := range d.w.owners { // the shards of a stage stand behind those that feed it
		log := d.w.logs[o.id]
		if o.position == len(log) || o.Ended() {
			continue
		}
		if err := d.run(o, log[o.position:]); err != nil {
			d.t.Fatalf("pipelinetest: shard %v: %v", o.id, err)
			return
		}
	}
}

// run applies messages to a shard and hands on what they lead to.
func (d *Driver) run(o *owner, messages []plan.Message) error {
	taken, err := o.Apply(messages)
	if err != nil {
		return err
	}
	o.position += taken
	out, _ := o.Take()
	for i := range out.Results {
		r := d.w.describe(o, &out.Results[i])
		d.results[r.Write] = append(d.results[r.Write], r)
	}
	for i := range out.Rejected {
		r := &out.Rejected[i]
		d.rejected = append(d.rejected, Rejection{Operator: r.Node.Label(), Late: r.Late, Reason: r.Err.Error(), Payload: r.Payload, Subject: r.Subject})
	}
	for _, e := range out.Envelopes {
		d.w.store(e)
	}
	return nil
}
