package shard

import (
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/exchange"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
)

// Machine is the part of a shard that is a function of its log: messages in, state and outputs out.
type Machine struct {
	env      *Env
	kernels  *plan.Assembly
	states   []state
	senders  []*exchange.Sender
	senderTo map[*plan.Node]*exchange.Sender
	receiver *exchange.Receiver
	votes    *seal.Votes // nil unless the input has registered producers
	keys     *seal.Keys  // nil unless something is sealed by values that they promise
	// watchers are told of such values, each by the attribute that its state is sealed by.
	watchers []watcher
	frontier int64
	// messages are those of the batch under way, for dead letters.
	messages []plan.Message
	out      Outputs
	none     Outputs // stays empty
	// finals says whether out holds results or certificates that the log must be whole for.
	finals bool
	// waits counts, since the last call of Waits, windows that waited for a seal, and repeated, since the last call of Repeated,
	// records that a producer had published before.
	waits, repeated uint64
	digest          digest
	outbox          outbox
}

// state is an operator with state, under the number of its node.
type state struct {
	node *plan.Node
	op   plan.Stateful
}

// NewMachine builds the kernels of the shard that env names: it needs env.ID, env.Plan and env.Stage only, and
// env.Cut or env.Votes where a log does not begin with its first message.
func NewMachine(env *Env) (*Machine, error) {
	m := &Machine{env: env, frontier: plan.Beginning, senderTo: make(map[*plan.Node]*exchange.Sender), digest: newDigest(env.MarkDistance)}
	m.outbox.to = env.Outbox
	m.states = append(m.states, state{&plan.Node{ID: outboxNumber}, &m.outbox})
	if env.Cut > 0 {
		m.frontier = env.Cut
	}
	for _, to := range env.Stage.To {
		s := exchange.NewSender(to.Producer(env.Stage, env.ID.Shard), to.Shards, func(partition int, data []byte) {
			m.out.Envelopes = append(m.out.Envelopes, Envelope{To: to, Partition: partition, Data: data})
		})
		m.senders = append(m.senders, s)
		m.senderTo[to.Root] = s
	}
	if env.Stage.Exchanged() {
		m.receiver = exchange.NewReceiver(env.Stage.Producers())
	}
	if s := env.Stage.Root.Source; s != nil && len(s.Producers) > 0 {
		m.votes = seal.NewVotes(s.Producers)
		if len(s.Attributes) > 0 {
			m.keys = m.votes.Keys(s.Attributes)
			m.states = append(m.states, state{env.Stage.Root, m.keys})
		}
		if len(env.Votes) > 0 {
			if rest, err := m.votes.RestoreState(env.Votes); err != nil || len(rest) > 0 {
				return nil, fmt.Errorf("the votes of %s in the run record: %w", env.ID, errors.Join(err, errState))
			}
		}
	}
	rt := &plan.Runtime{
		Shard:    env.ID.Shard,
		Shards:   env.Stage.Shards,
		Origin:   env.ID.String(),
		Reject:   m.reject,
		Emit:     m.emit,
		Send:     func(to *plan.Node, key, record []byte) { m.senderTo[to].Send(key, record) },
		Complete: func(to *plan.Node, frontier int64) { m.senderTo[to].Complete(frontier) },
		Waited:   func(n int) { m.waits += uint64(n) },
		Certify:  m.certify, CertifyRange: min(certifyRange, m.digest.distance),
		Register: func(n *plan.Node, s plan.Stateful) { m.states = append(m.states, state{n, s}) },

		Sample: m.digest.contribution, SampleBits: m.digest.sampleBits(),

		Feeders:   max(1, env.Stage.Producers()),
		Feeder:    m.feeder,
		Broadcast: func(to *plan.Node, record []byte) { m.senderTo[to].Broadcast(record) },
		Sealed:    func(v plan.ValueID) bool { return m.keys.Sealed(v) },
		Watch:     m.watch,
	}
	kernels, err := env.Plan.Assemble(env.Stage, rt)
	m.kernels = kernels
	return m, err
}

// Apply takes a batch of messages and reports how many belong to the input: none behind an end marker does.
func (m *Machine) Apply(messages []plan.Message) (taken int, err error) {
	m.messages = messages
	step := len(messages)
	if m.env.Stage.Single {
		step = 1
	}
	for taken < len(messages) && err == nil && !m.Ended() {
		part := messages[taken:min(taken+step, len(messages))]
		var n int
		n, err = m.apply(part[:m.digest.reach(part)])
		taken += n
	}
	for _, s := range m.senders {
		s.Flush()
	}
	m.messages = nil
	return taken, err
}

func (m *Machine) apply(messages []plan.Message) (taken int, err error) {
	switch {
	case m.receiver != nil:
		return m.receive(messages)
	case m.votes != nil:
		return m.count(messages), nil
	}
	return m.ingest(messages), nil
}

// receive is apply for a stage behind an exchange.
func (m *Machine) receive(messages []plan.Message) (taken int, err error) {
	before := m.frontier
	for i := range messages {
		msg := &messages[i]
		err := m.receiver.Accept(msg.Data, func(index uint32, record []byte) error {
			return m.kernels.Receiver.Receive(msg.Seq, index, record)
		})
		if err != nil {
			return i, fmt.Errorf("message %d on subject %s of the exchange of stage %s cannot be read: %w", msg.Seq, msg.Subject, m.env.Stage.Name, err)
		}
	}
	m.kernels.Receiver.Flush()
	if m.frontier = m.receiver.Frontier(); m.frontier > before {
		m.kernels.Receiver.Advance(m.frontier)
	}
	return len(messages), nil
}

// Ended reports whether the input has ended: nothing more can change.
func (m *Machine) Ended() bool { return m.frontier == plan.End }

func (m *Machine) open() (n int) {
	for _, s := range m.states {
		n += s.op.Open()
	}
	return n
}

func (m *Machine) emit(write *plan.Node, r plan.Result) {
	m.finals = m.finals || m.env.Plan.Behind(write)
	m.digest.result(write, &r)
	m.out.Results = append(m.out.Results, Result{Write: write, Result: r})
}

func (m *Machine) reject(r plan.Rejected) {
	m.digest.rejected(&r)
	out := Rejected{Rejected: r}
	for i := range m.messages { // rare, so that a search is cheaper than an index
		if msg := &m.messages[i]; msg.Seq == r.Meta.Seq && m.receiver == nil && r.Meta.Group == nil {
			out.Payload, out.Subject = append([]byte(nil), msg.Data...), msg.Subject
		}
	}
	m.out.Rejected = append(m.out.Rejected, out)
}

// Take returns the outputs since the last call; the caller owns them.
func (m *Machine) Take() (out *Outputs, finals bool) {
	if m.out.empty() {
		return &m.none, false
	}
	out, finals = &Outputs{Results: m.out.Results, Rejected: m.out.Rejected, Envelopes: m.out.Envelopes, Certificates: m.out.Certificates}, m.finals
	m.out, m.finals = Outputs{}, false
	return out, finals
}

// Mark returns the newest position at which owners can be compared, and the digest of everything up to it; 0 if there is none.
func (m *Machine) Mark() (at, digest uint64) {
	last := m.digest.last()
	return last.at, last.sum
}

// Waits returns how many windows, since the last call, have waited for a seal before their results could leave. It is 0
// where nothing stands behind one.
func (m *Machine) Waits() (n uint64) {
	n, m.waits = m.waits, 0
	return n
}

// Repeated returns how many records, since the last call, were there already.
func (m *Machine) Repeated() (n uint64) {
	n, m.repeated = m.repeated, 0
	return n
}

var errState = errors.New("shard: malformed state in a checkpoint")
