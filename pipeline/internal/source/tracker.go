package source

// tracker decides from sequence numbers alone what has been read. It knows no network, so that its promise can be tested
// against a model of any loss:
//
// Every message that it accepts is the next one, and when it says position p, then every matching message up to p has
// been accepted, or did not exist when the consumer passed it.
//
// The consumer numbers what it delivers 1, 2, 3 ..., whatever the stream sequences are; a number that is not the next
// one is a loss between the server and us. A heartbeat carries the last number and the stream sequence that the consumer has
// looked at. It travels behind the messages, so if we have that last number, then nothing that matches is
// missing up to the stream sequence; if we have not, then the end was lost and no later message would tell.
type tracker struct {
	next     uint64 // consumer sequence that must come next
	position uint64
	last     uint64 // stream sequence and store time of the last message accepted
	lastTime int64

	// proven is the position at the last proof that nothing was removed, extended by each message that followed without a
	// jump: a message that was read cannot have been removed unread. Where position is larger there was at least one jump,
	// over messages that do not match, or that were deleted, or that were lost. resumed is the stream sequence at which
	// reading went on after the newest jump.
	proven  uint64
	resumed uint64
}

func newTracker(position, last uint64, lastTime int64) tracker {
	return tracker{next: 1, position: position, last: last, lastTime: lastTime, proven: position}
}

// restart expects the first message of a new consumer.
func (t *tracker) restart() { t.next = 1 }

// skipTo begins a log whose messages up to position were removed before anyone could want them.
func (t *tracker) skipTo(position uint64) {
	if position > t.position {
		t.position, t.proven = position, position
	}
}

// message accepts a delivered message, or returns false if a message before it was lost on the way.
func (t *tracker) message(d delivery) bool {
	if d.consumer != t.next || d.stream <= t.position {
		return false
	}
	t.next++
	switch {
	case d.stream != t.position+1:
		t.resumed = d.stream
	case t.proven == t.position:
		t.proven = d.stream
	}
	t.position, t.last, t.lastTime = d.stream, d.stream, d.time
	return true
}

// heartbeat takes the last consumer sequence and the last stream sequence of a heartbeat. It returns whether the
// position moved, and false for ok if messages before the heartbeat were lost on the way.
func (t *tracker) heartbeat(consumer, stream uint64) (moved, ok bool) {
	if consumer != t.next-1 {
		return false, false
	}
	if stream <= t.position {
		return false, true
	}
	t.position, t.resumed = stream, stream+1
	return true, true
}

// jumped says whether there is anything between proven and position that only the server can vouch for.
func (t *tracker) jumped() bool { return t.proven != t.position }

// prove records that nothing was removed up to the position.
func (t *tracker) prove() { t.proven = t.position }

// gap returns the first and the last sequence of what may have been taken away unread if the stream now begins at first and
// everything up to from is known to be safe: the hull of the jumps below first. It is not ok if nothing can have been.
func (t *tracker) gap(first, from uint64) (lost [2]uint64, ok bool) {
	from = max(from, t.proven)
	end := min(first, t.resumed)
	if end <= from+1 {
		return lost, false
	}
	return [2]uint64{from + 1, end - 1}, true
}
