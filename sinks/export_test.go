package sinks

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// SetPatience shortens how long a writer on NATS waits for replies and how often it tries against a write that is under way.
func SetPatience(w Writer, patience time.Duration, attempts int) {
	l := &publisherOf(w).limits
	l.patience, l.attempts = patience, attempts
}

// SetWindow makes the bounds of a writer on NATS small.
func SetWindow(w Writer, count, bytes, reads int) {
	l := &w.(*publisher).limits
	l.count, l.bytes, l.reads = count, bytes, reads
}

// Covers is covers.
var Covers = covers

// Blame is blame.
var Blame = blame

// Compare has a writer on NATS take in the reply to a read of what is stored on the subject of a record.
func Compare(w Writer, r Record, subject string, reply []byte) error {
	p := w.(*publisher)
	p.slots = []slot{{subject: subject, state: reading}}
	f := flight{publisher: p, records: []Record{r}, next: 1, open: 1, bytes: len(r.Payload), reads: 1}
	return f.receive(&nats.Msg{Subject: p.inbox + "r0", Data: reply})
}

// publisherOf returns what is below a writer on NATS.
func publisherOf(w Writer) *publisher {
	if view, ok := w.(*viewWriter); ok {
		return view.publisher
	}
	return w.(*publisher)
}

// LoseReplies loses the replies to the next call of a writer on NATS: nobody listens where they go. What it publishes is stored.
func LoseReplies(w Writer) error {
	p := publisherOf(w)
	err := p.openInbox()
	p.inbox = p.conn.NewInbox() + "."
	return err
}

// FillRevisions has a view remember as much as it may, and Revisions tells how much that is.
func FillRevisions(w Writer) {
	p := publisherOf(w)
	for i := len(p.newest); i < maxRevisions; i++ {
		p.newest[strconv.Itoa(i)] = revision{}
	}
}

// Revisions tells how many revisions a view remembers.
func Revisions(w Writer) int { return len(publisherOf(w).newest) }

// Describe is describe.
var Describe = describe
