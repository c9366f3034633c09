package plan

// Operator is a batch kernel with its types erased. Kernels of one stage call each other directly, on the one
// goroutine of the shard; types are asserted once, when the stage is built.
type Operator interface {
	// Advance tells that the operator's input is complete before the given event time. It is called between batches,
	// never with a smaller value than before, and after everything older has been consumed.
	Advance(frontier int64)
}

// Consumer is an Operator that takes records of type T.
type Consumer[T any] interface {
	Operator
	// Consume takes the records of b. The batch belongs to the caller, and its memory is reused after the call.
	Consume(b *Batch[T])
}

// Source is the first operator of a stage that reads an input.
type Source interface {
	Operator
	// Ingest decodes the messages. frontier is the largest event time seen before them; Ingest returns the largest
	// after them.
	Ingest(messages []Message, frontier int64) int64
}

// Receiver is the first operator of a stage behind an exchange.
type Receiver interface {
	Operator
	// Receive decodes one record that a Sender encoded and takes it; seq and index are its place in the exchange log.
	Receive(seq uint64, index uint32, record []byte) error
	// Flush passes on what Receive took. It ends a batch.
	Flush()
}

// StateWriter takes the entries of a snapshot.
type StateWriter interface {
	// Add takes one entry; the bytes may be reused after the call.
	Add(entry []byte) error
}

// Stateful is an operator with state to checkpoint. Its entries are its own; the engine only routes them.
type Stateful interface {
	// Snapshot writes the state: all of it if full is set, else what changed since the last snapshot that Settle kept.
	Snapshot(w StateWriter, full bool) error
	// Settle ends the snapshot taken last. Unless kept, its changes count as changed again.
	Settle(kept bool)
	// Restore takes one entry back. Entries come in the order in which they were written.
	Restore(entry []byte) error
	// Open returns the number of windows that wait for their seal.
	Open() int
}

// Covering is a Stateful whose values are lower bounds while they grow.
type Covering interface {
	// Covers returns an error if the entry, of a snapshot at a position before this one, holds a value that the present one is
	// not above. A window that has closed since covers what it held.
	Covers(entry []byte) error
}

// Rejected is a record that could not be used.
type Rejected struct {
	// Node is the operator that refused it.
	Node *Node
	// Meta is the record's.
	Meta Meta
	// Late tells a record that came after the seal of its window from one that is broken.
	Late bool
	// Err says why.
	Err error
}

// Result is a result on its way to a sink.
type Result struct {
	Meta Meta
	// Index tells apart several results about the same thing.
	Index uint32
	// Payload is the encoded result. It belongs to the engine.
	Payload []byte
}

// Runtime is what a shard lends to the kernels that are built for it.
type Runtime struct {
	// Origin names the shard's contributions in counters, the same for every owner: stage and shard.
	Origin string
	// Reject takes a record that could not be used.
	Reject func(r Rejected)
	// Emit takes a result of a Write node.
	Emit func(write *Node, r Result)
	// Send takes a record for the stage that begins at the given node. Key and record may be reused after the call.
	Send func(to *Node, key, record []byte)
	// Complete tells the stage that begins at the given node that everything sent so far is complete before frontier.
	Complete func(to *Node, frontier int64)
	// Sample takes, encoded, what a record contributes to the state of a node: of one message in 1<<SampleBits or so, and which
	// ones depends on their place in the log alone. Nobody takes samples if it is nil.
	Sample     func(to *Node, record []byte)
	SampleBits int
	// Waited counts windows, and records without a match, that had to wait for a seal before they were handed on.
	Waited func(n int)
	// Shard is the number of the shard, and Shards how many run the stage.
	Shard, Shards int
	// Feeders is how many shards feed the stage: 1 where it reads an input itself.
	Feeders int
	// Broadcast sends a record to all shards of the stage that begins at the given node, each of which takes it behind what was sent
	// to it before. The record may be reused after the call.
	Broadcast func(to *Node, record []byte)
	// Feeder is the number of this shard among those that feed the stage of the given node.
	Feeder func(to *Node) int
	// Sealed reports whether a value of an attribute is complete in this shard, which reads an input; Watch has told called with each
	// one that becomes so, behind all records that were there before. Only one is called for each state.
	Sealed func(v ValueID) bool
	Watch  func(state *Node, told func(v ValueID))
	// Certify takes note of a window that was sealed, or of many states that were sealed one by one. It may be nil. CertifyRange is how
	// many positions of the log a certificate of what is sealed by its evidence is about.
	Certify      func(c Certificate)
	CertifyRange uint64
	// Register takes note of an operator with state.
	Register func(n *Node, s Stateful)
}
