package plan

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Kind is the kind of a node.
type Kind uint8

// The kinds of nodes.
const (
	KindRead Kind = iota + 1
	KindMap
	KindFilter
	KindFlatMap
	KindKeyBy
	KindWindow
	KindFold
	KindThreshold
	KindSeal
	KindFinals
	KindWrite
	KindUnion
	KindJoin
	KindDeduplicate
	KindLate
	KindBounds
)

// stateful reports whether the node keeps state by key, so that all records of a key must meet.
func (k Kind) stateful() bool { return k == KindFold || k == KindJoin || k == KindDeduplicate }

// Stateful reports whether the node keeps state by key.
func (n *Node) Stateful() bool { return n.Kind.stateful() }

// Node is one operator of the logical plan.
type Node struct {
	// ID is the number of the node in its graph, in the order of the program.
	ID   int
	Kind Kind
	// Op is the operator's name as the user wrote it: "count", "map".
	Op string
	// Name is the name that the user gave, or "".
	Name string
	// Site is the file:line of the call that made the node.
	Site string
	// In and Out are the neighbours.
	In, Out []*Node
	// Detail describes the operator in a few words, for Explain; it is part of the fingerprint.
	Detail string

	// Source is set on Read nodes.
	Source *SourceSpec
	// KeyName is the attribute of a KeyBy node, and Typed its key function; a Window node passes them on.
	KeyName string
	Typed   any
	// Determines are the attributes that are declared, on a KeyBy or Window node, to follow from the key.
	Determines []Dependency
	// Codec is the Codec of the records that the node yields, if one is declared. CodecName is that of a stateful node's
	// records, for the fingerprint.
	Codec     any
	CodecName string
	// Windowing is set on Window, Fold and Seal nodes.
	Windowing Windowing
	// State names the lattice of a Fold node.
	State string
	// Rule is set on Seal nodes, and on Fold nodes by the planner from the seals below them.
	Rule SealRule
	// Derived marks a Fold node whose input lies behind a seal: it closes with its input, and nothing is late for it.
	Derived bool
	// Plain marks a Fold node whose state is merged by no function of the user's, so that no merge can fail.
	Plain bool
	// Retracts marks a Fold node whose values can go back: what is read of one before a seal is provisional, not a lower bound.
	Retracts bool
	// Counts marks a Fold node whose state counts under the origins of its shards, which are the same in another pipeline.
	Counts bool
	// Outer marks a join that also yields what has no match: that waits for a seal.
	Outer bool
	// Sealed marks a join all of whose results wait for its seal, so that they are final. Awaits names the instant whose
	// passing results wait for, if it is not that of a match, Reason says why they have to, and Repair what would not.
	Sealed                 bool
	Awaits, Reason, Repair string
	// Keeper is, on the last node of an operator that is made of several, the one that keeps the state.
	Keeper *Node
	// Late is, on a Late node, the node for whose state records are late.
	Late *Node
	// Target is what a Write node writes to.
	Target string

	// Build makes the kernel of the node, given the kernels of its consumers. For a stateful node it makes the half that keeps
	// the state, Send and Receive make the two ends of an exchange above it, and Lift makes, for each input (edge), what
	// extracts its contributions. Lift is set for each node with several inputs.
	Build   func(rt *Runtime, down []Operator) (Operator, error)
	Lift    func(rt *Runtime, next Inlet) (Operator, error)
	Send    func(rt *Runtime) (Operator, error)
	Receive func(rt *Runtime, next Operator) (Operator, error)

	graph *Graph
}

// SourceSpec says what a Read node reads.
type SourceSpec struct {
	// Stream is the JetStream stream.
	Stream string
	// Filters has one subject filter for each shard; "" reads the whole stream.
	Filters []string
	// Producers are the registered producers, if their punctuations and not the records say what is complete.
	Producers []string
	// Attributes are those of which states below are sealed by the values that producers promise: set by the planner.
	Attributes []string
	// Cuts says that the time of a record is the number of recorded cuts before it in its shard.
	Cuts bool
	// Idle is after how much silence a shard is given up on, by a message in its own log; 0 is never.
	Idle time.Duration
	// PartitionedBy is the attribute whose values the shards divide among them, as TokenPartition does; "" if none.
	PartitionedBy string
	// From is where reading begins; the zero value is the first message that the stream has.
	From From
	// Bounded says that the input ends with what stands in the stream when the run begins.
	Bounded bool
}

// From is where reading begins. At most one field is set.
type From struct {
	// New is behind everything that the stream has.
	New bool
	// Seq is a sequence.
	Seq uint64
	// Time is the first message that was stored at that time or later.
	Time time.Time
}

// Graph is the logical plan of one pipeline. Building it never fails: mistakes are collected in Errors.
type Graph struct {
	// Name is the name of the pipeline and Version what its author declares.
	Name, Version string
	// Shards is the number of shards of the stages behind exchanges; 0 means as many as the source has.
	Shards int
	Nodes  []*Node

	shared []*Sharing
	errs   []error
}

// Add appends a node below its inputs. If an input is missing (a zero handle) or of another graph, the mistake is recorded.
func (g *Graph) Add(n *Node) *Node {
	n.ID, n.graph = len(g.Nodes), g
	g.Nodes = append(g.Nodes, n)
	for _, in := range n.In {
		if in.graph != g {
			g.Fail(n.Site, "%s: its input belongs to another pipeline (%q, made at %s)", n.Op, in.graph.Name, in.Site)
			continue
		}
		in.Out = append(in.Out, n)
	}
	return n
}

// Graph returns the graph of the node.
func (n *Node) Graph() *Graph { return n.graph }

// Label names the node for people: operator and name.
func (n *Node) Label() string {
	if n.Name == "" {
		return n.Op
	}
	return n.Op + " " + n.Name
}

// Fail records a mistake of the program that builds the graph.
func (g *Graph) Fail(site, format string, args ...any) {
	g.errs = append(g.errs, fmt.Errorf("%s: %s", site, fmt.Sprintf(format, args...)))
}

// Err returns the recorded mistakes, joined.
func (g *Graph) Err() error { return errors.Join(g.errs...) }

// Site returns the file:line of a caller; skip 1 is the caller of the function that calls Site.
func Site(skip int) string {
	_, file, line, ok := runtime.Caller(skip + 1)
	if !ok {
		return "unknown"
	}
	return fmt.Sprintf("%s:%d", file, line)
}
