package shard

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
)

// ingest applies messages of an input whose records themselves move the frontier.
func (m *Machine) ingest(messages []plan.Message) (taken int) {
	before, from := m.frontier, 0
	for i := range messages {
		if messages[i].Header == nil {
			continue
		}
		kind := sealOf(&messages[i])
		if kind == "" {
			continue
		}
		m.frontier = m.kernels.Source.Ingest(messages[from:i], m.frontier)
		from = i + 1
		if kind == seal.End && seal.Producer(messages[i].Header) == "" { // else it is a promise of one of several
			m.frontier = plan.End
			break
		}
		if kind == seal.Idle || kind == seal.Cut {
			m.decide(&messages[i], kind)
			continue
		}
		m.refuse(&messages[i], fmt.Errorf("the seal %q in the header %s does not count here: the input has no registered producers (Source.Producers), and so takes nothing but an %q of no producer", kind, seal.Header, seal.End))
	}
	if m.frontier != plan.End {
		m.frontier = m.kernels.Source.Ingest(messages[from:], m.frontier)
		from = len(messages)
	}
	if m.frontier > before {
		m.kernels.Source.Advance(m.frontier)
	}
	return from
}

// decide takes a message that records a decision about the shard.
func (m *Machine) decide(msg *plan.Message, kind string) {
	if kind == seal.Cut {
		m.cut(msg)
	} else {
		m.giveUp(msg)
	}
}

// cut takes the marker of a recorded cut. It is for no pipeline whose input has no cuts. Markers that come again mean nothing; one
// that is ahead says that another was lost, which markers that are published together cannot be.
func (m *Machine) cut(msg *plan.Message) {
	if !m.env.Stage.Root.Source.Cuts {
		return
	}
	number, err := seal.ReadCut(msg.Header)
	last := max(m.frontier, 0)
	switch {
	case err != nil:
		m.refuse(msg, err)
	case number > last+1:
		m.refuse(msg, fmt.Errorf("the marker of cut %d has come, but that of cut %d has not; cuts are published to all shards together, in order", number, last+1))
	default:
		m.frontier = max(last, number)
	}
}

// giveUp takes a message that gives up on this shard as idle. Those of other pipelines are not for this one; nor are its own,
// if it has no such policy any more.
func (m *Machine) giveUp(msg *plan.Message) {
	pipeline, before, err := seal.ReadIdle(msg.Header, msg.Time)
	switch {
	case err != nil:
		m.refuse(msg, err)
	case pipeline == m.env.Plan.Graph.Name && m.env.Stage.Root.Source.Idle > 0:
		m.frontier = max(m.frontier, before)
	}
}

// count applies messages of an input with registered producers, whose punctuations move the frontier.
func (m *Machine) count(messages []plan.Message) (taken int) {
	before, from := m.frontier, 0
	m.frontier = m.votes.Frontier() // it is ahead where producers had promised something before the log begins
	for i := range messages {
		msg := &messages[i]
		takes, err := m.vote(msg)
		end := i
		if takes {
			end++
		}
		refuted := m.votes.Refuted()
		if takes && err == nil && len(refuted) == 0 && !m.keys.Pending() && m.votes.Frontier() == m.frontier && i+1 < len(messages) {
			continue
		}
		m.kernels.Source.Ingest(messages[from:end], m.frontier)
		from = i + 1
		if err != nil {
			m.refuse(msg, err)
		}
		for _, r := range refuted {
			m.refute(r)
		}
		m.sealValues()
		if m.frontier = m.votes.Frontier(); m.frontier == plan.End {
			break
		}
	}
	if m.frontier > before {
		m.kernels.Source.Advance(m.frontier)
	}
	return from
}

// over reports whether the producers had promised, before the log begins, that nothing comes any more.
func (m *Machine) over() bool { return m.votes != nil && m.votes.Frontier() == plan.End }

// vote tells the votes of a message and reports whether it is a record that is to be taken.
func (m *Machine) vote(msg *plan.Message) (takes bool, err error) {
	switch sealOf(msg) {
	case "":
	case seal.Void:
		_, err := m.votes.Record(msg.Header, nil)
		return false, err
	case seal.Key:
		return false, m.votes.PromiseKey(msg.Seq, msg.Header, msg.Data)
	case seal.Idle, seal.Cut:
		return false, nil // for pipelines that read the stream in another way
	default:
		return false, m.votes.Promise(msg.Seq, msg.Header)
	}
	fresh, err := m.votes.Record(msg.Header, msg.Data)
	if err == nil && !fresh {
		m.repeated++
	}
	return fresh, err
}

// refuse makes a dead letter of a message.
func (m *Machine) refuse(msg *plan.Message, err error) {
	m.reject(plan.Rejected{Node: m.env.Stage.Root, Meta: plan.Meta{Seq: msg.Seq, Time: msg.Time, Frontier: m.frontier}, Err: err})
}

// refute makes a dead letter of a punctuation that stands further up in the log. Whether its message is still at hand depends on
// batches, so that the letter does without it.
func (m *Machine) refute(r seal.Refuted) {
	rejected := plan.Rejected{Node: m.env.Stage.Root, Meta: plan.Meta{Seq: r.Seq, Frontier: m.frontier}, Err: r.Err}
	m.digest.rejected(&rejected)
	m.out.Rejected = append(m.out.Rejected, Rejected{Rejected: rejected})
}

func sealOf(m *plan.Message) string {
	if v := m.Header[seal.Header]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// heard reports whether something has come that ends a silence: a record, or a decision of this pipeline. Those of others, and
// promises to others, do not: two pipelines that are idle over one stream would keep each other waiting.
func (m *Machine) heard(messages []plan.Message) bool {
	for i := range messages {
		switch sealOf(&messages[i]) {
		case "":
			return true
		case seal.Idle:
			if pipeline, _, err := seal.ReadIdle(messages[i].Header, messages[i].Time); err == nil && pipeline == m.env.Plan.Graph.Name {
				return true
			}
		}
	}
	return false
}
