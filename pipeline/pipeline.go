package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/sinks"
)

// Pipeline is a program over streams. Building it neither fails nor talks to a server; mistakes are returned by Err,
// Explain and Run.
type Pipeline struct {
	// Version is part of the identity of the state. Declare a new one when the body of a function
	// changes what the pipeline computes: functions cannot be compared. The new version begins anew, while one that
	// differs in its program alone goes on from the states that it keeps.
	Version string
	// Shards is the number of shards behind an exchange; 0 means as many as the input has.
	Shards int
	// MaxPointsOfOrder bounds the places where results wait for others: a program with more is refused. 0 is no bound, and
	// NoPointsOfOrder allows none.
	MaxPointsOfOrder int

	graph *plan.Graph
	sinks map[*plan.Node]sinks.Sink

	mu   sync.Mutex // guards cut: one pipeline may run several times at once
	cut  *plan.Plan
	made int // nodes that cut knows of
}

// NoPointsOfOrder is a MaxPointsOfOrder that allows no result to wait.
const NoPointsOfOrder = -1

// New returns an empty pipeline. The name is part of stream, bucket and subject names: 1 to 64 letters, digits, '-' or '_'.
func New(name string) *Pipeline {
	return &Pipeline{graph: &plan.Graph{Name: name}, sinks: make(map[*plan.Node]sinks.Sink)}
}

// Name returns the name of the pipeline.
func (p *Pipeline) Name() string { return p.graph.Name }

// Message is one message of the input as decoders see it. It is valid only during the call.
type Message = plan.Message

// ErrNoRecord is returned by a decoder for a message that is no record and is not meant to be, such as a mark for
// Source.Complete. It is passed over; any other error makes a dead letter of the message.
var ErrNoRecord = kernel.ErrNoRecord

// Read begins a pipeline with the records of a stream. The name is the identity of the input within the pipeline.
func Read[T any](p *Pipeline, name string, from Source[T]) operators.Stream[T] {
	n := &plan.Node{Kind: plan.KindRead, Op: "read", Name: name, Site: plan.Site(1), Detail: "event time from the store"}
	fail := func(what string) { p.graph.Fail(n.Site, "read %s: %s", name, what) }
	if from.Stream == "" {
		fail("Source.Stream is empty; name the stream to read")
	}
	if from.Decode == nil {
		fail("Source.Decode is nil; use pipeline.JSON, pipeline.Text, pipeline.Bytes or a function of your own")
	}
	switch {
	case from.Idle < 0 || from.Idle > plan.MaxWindow:
		fail("Source.Idle must not be negative, nor longer than " + plan.MaxWindow.String())
	case (from.Idle > 0 || from.Complete != nil) && len(from.Producers) > 0:
		fail("Source.Producers excludes Source.Idle and Source.Complete: what is complete is for the producers to say")
	}
	if from.MaxAhead < 0 {
		fail("Source.MaxAhead must not be negative")
	}
	if from.MaxAhead == 0 {
		from.MaxAhead = time.Hour
	}
	if from.Time != nil {
		n.Detail = "event time from the record, at most " + from.MaxAhead.String() + " ahead"
	}
	if err := checkProducers(from.Producers); err != "" {
		fail(err)
	}
	producers := slices.Sorted(slices.Values(from.Producers))
	if len(producers) > 0 {
		n.Detail += "; complete by the punctuations of " + strings.Join(producers, ", ")
	}
	if from.Cuts {
		if from.Time != nil || from.Complete != nil || from.Idle > 0 || len(from.Producers) > 0 {
			fail("Source.Cuts excludes Time, Complete, Idle and Producers: the cuts are the time")
		}
		n.Detail = "time is the number of the recorded cut"
	}
	if from.Complete != nil {
		n.Detail += "; complete by what its messages say"
	}
	if from.Idle > 0 {
		n.Detail += "; a shard that is silent for " + from.Idle.String() + " is complete up to then"
	}
	n.Detail += from.within(fail)
	filters := from.Subjects
	if len(filters) == 0 {
		filters = []string{""}
	}
	n.Source = &plan.SourceSpec{
		Stream: from.Stream, Filters: append([]string(nil), filters...), Producers: producers, Cuts: from.Cuts, Idle: from.Idle,
		From: plan.From{New: from.StartNew, Seq: from.StartSequence, Time: from.StartTime}, Bounded: from.Bounded, PartitionedBy: from.PartitionedBy,
	}
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Read(n, rt, down, kernel.Reading[T]{Decode: from.Decode, Time: from.Time, Ahead: from.MaxAhead, Complete: from.Complete})
	}
	p.graph.Add(n)
	return plan.NewStream[T](n)
}

// Write ends a pipeline, or one branch of it: each record of the stream is encoded and stored by the sink. The name is part of
// the identity of the results.
func Write[T any](p *Pipeline, name string, in operators.Stream[T], to sinks.Sink, encode func(T) ([]byte, error)) {
	site := plan.Site(1)
	above := plan.OfStream(in)
	switch {
	case above == nil:
		p.graph.Fail(site, "write %s: the stream is a zero value; it must come from pipeline.Read", name)
		return
	case to == nil:
		p.graph.Fail(site, "write %s: the sink is nil", name)
		return
	case encode == nil:
		p.graph.Fail(site, "write %s: the encoder is nil; use pipeline.EncodeJSON, pipeline.EncodeText or a function of your own", name)
		return
	}
	n := &plan.Node{Kind: plan.KindWrite, Op: "write", Name: name, Site: site, In: []*plan.Node{above}, Target: to.Target()}
	n.Build = func(rt *plan.Runtime, _ []plan.Operator) (plan.Operator, error) {
		return kernel.Write(n, rt, encode), nil
	}
	p.graph.Add(n)
	p.sinks[n] = to
}

// Err returns what is wrong with the program, each mistake with the file and line of its call, or nil.
func (p *Pipeline) Err() error {
	_, err := p.Plan()
	return err
}

// Explain returns the plan as text: the stages, what is known of each edge, and the points of order, where results
// wait, with the reason.
func (p *Pipeline) Explain() (string, error) {
	cut, err := p.Plan()
	if err != nil {
		return "", err
	}
	return cut.Explain(), nil
}

// Mermaid returns the plan as a Mermaid flow chart.
func (p *Pipeline) Mermaid() (string, error) {
	cut, err := p.Plan()
	if err != nil {
		return "", err
	}
	return cut.Mermaid(), nil
}

// DOT returns the plan as a graph of Graphviz.
func (p *Pipeline) DOT() (string, error) {
	cut, err := p.Plan()
	if err != nil {
		return "", err
	}
	return cut.DOT(), nil
}

// Document is a plan as data.
type Document = plan.Document

// Document returns the plan as data, whose JSON form programs can read. Documents of two versions of a pipeline can be
// compared: see Document.Compare.
func (p *Pipeline) Document() (Document, error) {
	cut, err := p.Plan()
	if err != nil {
		return Document{}, err
	}
	return cut.Document(), nil
}

// Fingerprint identifies what determines the state and the results of the pipeline. Results are addressed by it: the
// first token of a result's path is "e" and the fingerprint.
func (p *Pipeline) Fingerprint() (string, error) {
	cut, err := p.Plan()
	if err != nil {
		return "", err
	}
	return cut.Fingerprint, nil
}

// Plan returns the checked plan. Its type is internal: the method is for the packages of this module.
func (p *Pipeline) Plan() (*plan.Plan, error) {
	if p == nil || p.graph == nil {
		return nil, errors.New("pipeline: the zero Pipeline has no name; make one with pipeline.New")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.graph
	if p.cut != nil && p.made == len(g.Nodes) && g.Version == p.Version && g.Shards == p.Shards {
		return p.cut, p.withinBudget(p.cut)
	}
	g.Version, g.Shards = p.Version, p.Shards
	cut, err := plan.Cut(g)
	if err != nil {
		return nil, fmt.Errorf("pipeline %s is not valid:\n%w", g.Name, err)
	}
	if err := p.withinBudget(cut); err != nil {
		return nil, err
	}
	p.cut, p.made = cut, len(g.Nodes)
	return cut, nil
}

// withinBudget refuses a plan with more points of order than are allowed, and names them.
func (p *Pipeline) withinBudget(cut *plan.Plan) error {
	points := cut.PointsOfOrder()
	if p.MaxPointsOfOrder == 0 || len(points) <= max(0, p.MaxPointsOfOrder) {
		return nil
	}
	errs := []error{fmt.Errorf("pipeline %s: results wait at %d points of order, more than the %d that MaxPointsOfOrder allows", p.Name(), len(points), max(0, p.MaxPointsOfOrder))}
	for _, pt := range points {
		errs = append(errs, fmt.Errorf("%s: %s %s waits for %s; instead: %s", pt.Node.Site, pt.Node.Op, pt.Name, pt.Waits, pt.Repair))
	}
	return errors.Join(errs...)
}
