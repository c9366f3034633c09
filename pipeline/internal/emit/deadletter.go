package emit

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DeadSubject begins the subjects of the records of a pipeline that could not be used.
func DeadSubject(pipeline string) string { return "calm.dead." + pipeline }

// LateSubject begins the subjects of the records of a pipeline that came after the seal of their window.
func LateSubject(pipeline string) string { return "calm.late." + pipeline }

// deadLetters stores rejected records: the message as it was, the reason in headers. The subject is made of the record's
// place in the log and of the operator, and created once, so that several owners store one.
type deadLetters struct {
	id     identity
	js     jetstream.JetStream
	limit  int
	logger *slog.Logger
}

func (d *deadLetters) write(ctx context.Context, records []shard.Rejected) error {
	messages := make([]*nats.Msg, len(records))
	for i := range records {
		messages[i] = d.message(&records[i])
	}
	err := publishAll(ctx, d.js, messages, func(err error) error {
		if exists(err) {
			return nil
		}
		return err
	})
	if err == nil {
		for i := range records {
			d.log(&records[i], messages[i].Subject)
		}
	}
	return err
}

func (d *deadLetters) log(r *shard.Rejected, subject string) {
	text := "a record could not be used; it is kept with the reason"
	if r.Late {
		text = "a record came after the seal of its window; it is kept"
	}
	d.logger.Warn(text, "operator", r.Node.Label(), "position", d.id.position(r.Meta.Seq), "subject", subject, "reason", r.Err)
}

const (
	maxReason = 1 << 10
	headRoom  = 4 << 10 // for the headers of a dead letter
)

func (d *deadLetters) message(r *shard.Rejected) *nats.Msg {
	prefix := DeadSubject(d.id.pipeline)
	if r.Late {
		prefix = LateSubject(d.id.pipeline)
	}
	where := fmt.Sprintf("%s.%d.%d", d.id.position(r.Meta.Seq), r.Meta.Index, r.Node.ID)
	if g := r.Meta.Group; g != nil { // a result, which has no place in the log of its own
		where = fmt.Sprintf("%s.%s.%d.%d", g.Window.Token(), plan.KeyToken(g.Key), r.Meta.Index, r.Node.ID)
	}
	if r.Meta.Branch > 0 {
		where += ".b" + strconv.FormatUint(uint64(r.Meta.Branch), 10)
	}
	m := nats.NewMsg(fmt.Sprintf("%s.%s.%s.%d.%s", prefix, d.id.epoch, d.id.shard.Stage, d.id.shard.Shard, where))
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, "0")
	m.Header.Set("Calm-Pipeline", d.id.pipeline)
	m.Header.Set("Calm-Stage", d.id.shard.Stage+"/"+r.Node.Label())
	m.Header.Set("Calm-Error", reason(r.Err))
	if r.Meta.Group != nil {
		m.Header.Set("Calm-Window", r.Meta.Group.Window.String())
	} else {
		m.Header.Set("Calm-Position", d.id.position(r.Meta.Seq)+"."+strconv.FormatUint(uint64(r.Meta.Index), 10))
	}
	if r.Subject != "" {
		m.Header.Set("Calm-Subject", r.Subject)
	}
	if m.Data = r.Payload; len(m.Data)+headRoom > d.limit {
		m.Header.Set("Calm-Truncated", strconv.Itoa(len(m.Data)))
		m.Data = m.Data[:max(0, d.limit-headRoom)] // the whole of it is in the input at Calm-Position
	}
	return m
}

// reason makes an error fit for a header: one line of valid text, and bounded.
func reason(err error) string {
	text := strings.ToValidUTF8(strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), " "), "?")
	for len(text) > maxReason {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
