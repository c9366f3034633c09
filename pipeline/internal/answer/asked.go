package answer

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/nats-io/nats.go"
)

// take reads the request and finds the shard. From then on it is held.
func (a *asked) take() (*shard.Asked, error) {
	tokens := strings.Split(a.req.Subject(), ".")
	name, kind := tokens[len(tokens)-2], Kind(tokens[len(tokens)-1])
	if n := len(a.req.Data()); n > maxRequest {
		return nil, refuse(codeTooLarge, "the request has %d bytes, more than %d", n, maxRequest)
	}
	if err := a.request.read(a.req.Data()); err != nil {
		return nil, refuse(codeMalformed, "%v", err)
	}
	a.sharing = a.states[name]
	if a.sharing == nil || a.Plan.StagesOf(a.sharing.Node)[0].Name != a.id.Stage {
		return nil, refuse(codeUnknown, "stage %s shares no state %q; share one with operators.Share", a.id.Stage, name)
	}
	if err := a.ask(kind); err != nil {
		return nil, err
	}
	if err := a.locate(); err != nil {
		return nil, err
	}
	a.mu.RLock()
	to := a.shards[a.id]
	a.mu.RUnlock()
	if to == nil {
		return nil, refuse(codeNotHere, "worker %s does not run the shard any more", a.Worker)
	}
	return to, a.hold()
}

// ask makes the question of the request.
func (a *asked) ask(kind Kind) error {
	a.question = Question{Kind: kind, Set: a.request.Threshold}
	if at := a.request.At; at != nil {
		a.question.Instant = at.UnixNano()
	}
	if a.request.Raw {
		return checkWindow(a.sharing.Node, a.request.At != nil)
	}
	return Check(a.sharing, kind, a.request.Threshold, a.request.At != nil)
}

// locate makes sure that the key belongs to the shard.
func (a *asked) locate() error {
	var err error
	if text := a.request.Key; text != nil {
		if a.request.EncodedKey, err = a.sharing.Key(*text); err != nil {
			return refuse(codeMalformed, "%v", err)
		}
	}
	if len(a.request.EncodedKey) > plan.MaxKeyBytes {
		return refuse(codeTooLarge, "the key has %d bytes, more than %d", len(a.request.EncodedKey), plan.MaxKeyBytes)
	}
	_, home, err := a.sharing.Home(a.Plan, a.request.EncodedKey)
	switch {
	case err != nil:
		return refuse(codeMalformed, "%v", err)
	case home != a.id.Shard:
		return refuse(codeElsewhere, "the key belongs to shard %d", home)
	}
	return nil
}

// hold counts the question, unless there are too many.
func (a *asked) hold() error {
	held, most, what := &a.questions, int32(maxQuestions), "questions are waiting to be answered"
	if a.request.wait > 0 {
		held, most, what = &a.awaiting, maxAwaiting, "questions wait for something to happen"
	}
	if held.Add(1) > most {
		held.Add(-1)
		return refuse(codeTooMany, "%d %s in worker %s, and no more are taken", most, what, a.Worker)
	}
	a.held = held
	return nil
}

func (a *asked) deadline() time.Time { return time.Now().Add(a.request.wait) }

// until returns what is waited for, nil for nothing. The shard calls it.
func (a *asked) until() func(shard.Seen) bool {
	switch {
	case a.request.wait == 0:
		return nil
	case a.request.Raw && a.request.Unlike != "":
		return func(seen shard.Seen) bool { return Mark(seen.Finding) != a.request.Unlike || a.over(seen) }
	case !a.request.Raw && a.question.Kind == Await:
		last := "" // of what has not come there
		return func(seen shard.Seen) bool {
			mark := Mark(seen.Finding)
			if mark == last {
				return a.over(seen)
			}
			last = mark
			state, err := a.sharing.Read(seen.Finding, a.question.Set)
			return err != nil || state.Holds || state.Settled || a.over(seen)
		}
	}
	return nil
}

// over reports whether the state was handed on, so that nothing is to be waited for. Of keys that are sealed by values nobody knows whether they
// were there, so that they may come yet.
func (a *asked) over(seen shard.Seen) bool {
	return a.sharing.Node.Rule.Attribute == "" && lost(a.sharing, a.question, seen) != nil
}

// deliver takes the answer of the shard on its way.
func (a *asked) deliver(seen shard.Seen, err error) {
	a.seen, a.err = seen, err
	a.answers <- a // there is room for each that is held
}

// respond sends what the shard has answered.
func (a *asked) respond() {
	a.held.Add(-1)
	reply, err := a.reply()
	var data []byte
	if err == nil {
		data, err = json.Marshal(reply)
	}
	if most := a.Conn.MaxPayload(); err == nil && int64(len(data)) > most {
		err = refuse(codeTooLarge, "the answer has %d bytes, and a message at most %d", len(data), most)
	}
	if err != nil {
		a.refuse(err)
		return
	}
	a.sent(a.req.Respond(data))
}

func (a *asked) reply() (Full, error) {
	switch {
	case errors.Is(a.err, shard.ErrNotHere):
		return Full{}, refuse(codeNotHere, "%v", a.err)
	case errors.Is(a.err, shard.ErrBehind):
		return Full{}, refuse(codeBehind, "%v", a.err)
	case a.err != nil:
		return Full{}, refuse(codeFailed, "%v", a.err)
	}
	origin := "worker " + a.Worker
	if a.request.Raw {
		s := &a.seen
		return Full{
			Reply: Reply{
				Verdict: Unknown, Origin: origin, Frontier: plan.FrontierText(s.Frontier),
				Position: Position{a.id.Stage, a.id.Shard, s.Position.Incarnation, s.Position.Seq},
			},
			Raw: &Raw{
				Present: s.Present, Start: s.Window.Start, End: s.Window.End, Value: s.Value,
				Frontier: s.Frontier, LastSeq: s.Position.LastSeq, Fresh: s.Fresh,
			},
		}, nil
	}
	reply, err := Decide(a.sharing, a.question, a.id, a.seen)
	reply.Origin = origin
	return Full{Reply: reply}, err
}

// refuse sends an error.
func (a *asked) refuse(err error) {
	r := &Refusal{codeFailed, err.Error()}
	_ = errors.As(err, &r) // else it is what it was
	a.sent(a.req.Error(strconv.Itoa(r.Code), r.Text, nil))
}

// sent notes that a reply could not be sent. Who asks without saying where to reply gets none.
func (a *asked) sent(err error) {
	if err != nil && a.req.Reply() != "" && !errors.Is(err, nats.ErrConnectionClosed) {
		a.Logger.Debug("an answer could not be sent", "subject", a.req.Subject(), "error", err)
	}
}
