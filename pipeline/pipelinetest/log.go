package pipelinetest

import (
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
)

// Log is the input of one shard of a Read, in order. An end marker is added behind it.
type Log struct {
	// Read is the name of the Read, and Shard the number of its shard.
	Read  string
	Shard int
	// Messages are the payloads.
	Messages [][]byte
	// Times are when the messages were stored. Where there is none, message i is stored at second i of 2024-01-01 UTC.
	Times []time.Time
}

// Start is when the first message of a Log is stored unless it says otherwise, and when the clock of a Driver begins.
var Start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// storeTime is when message i is stored by default.
func storeTime(i int) time.Time { return Start.Add(time.Duration(i) * time.Second) }

// stored returns when message i was stored.
func (l *Log) stored(i int) time.Time {
	if i < len(l.Times) {
		return l.Times[i]
	}
	return storeTime(i)
}

// inputMessages makes the messages of a log, with its end marker.
func inputMessages(l Log) []plan.Message {
	out := make([]plan.Message, 0, len(l.Messages)+1)
	subject := fmt.Sprintf("%s.%d", l.Read, l.Shard)
	for i, data := range l.Messages {
		out = append(out, plan.Message{Subject: subject, Data: data, Seq: uint64(i + 1), Time: l.stored(i).UnixNano()})
	}
	n := len(l.Messages)
	return append(out, endMarker(uint64(n+1), l.stored(n).UnixNano()))
}

// endMarker is the message that says that nothing follows.
func endMarker(seq uint64, stored int64) plan.Message {
	return plan.Message{Header: map[string][]string{"Calm-Seal": {"end"}}, Seq: seq, Time: stored}
}
