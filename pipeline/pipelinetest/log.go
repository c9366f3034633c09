package pipelinetest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
)

// Log is the input of one shard of a Read, in order. An end marker is added behind it; if the Read has registered producers,
// one of each, which promises what is in the log.
type Log struct {
	// Read is the name of the Read, and Shard the number of its shard.
	Read  string
	Shard int
	// Messages are the payloads.
	Messages [][]byte
	// Times are when the messages were stored. Where there is none, message i is stored at second i of 2024-01-01 UTC.
	Times []time.Time
	// Headers are those of the messages; there may be fewer.
	Headers []map[string][]string
	// Producers are the names of those who have published the messages, each of which numbers its own; there may be fewer, and
	// "" is nobody.
	Producers []string
	// Promises are the times before which the producers have published everything, of those messages that are no records but promise
	// so; there may be fewer, and the zero time is no promise. Their counts and digests are those of what the producer has in the log up
	// to there, also where CheckShards has dealt it. See Promise.
	Promises []time.Time
}

// Publish appends records of a producer, which is registered in the Source of the Read.
func (l *Log) Publish(producer string, payloads ...string) {
	for _, p := range payloads {
		l.append(producer, []byte(p), time.Time{})
	}
}

// Promise appends the promise of a producer that the log has all its records from before that time.
func (l *Log) Promise(producer string, before time.Time) { l.append(producer, nil, before) }

// append appends a message of a producer.
func (l *Log) append(producer string, data []byte, promise time.Time) {
	n := len(l.Messages)
	l.Producers = append(l.Producers, make([]string, max(0, n-len(l.Producers)))...)
	l.Promises = append(l.Promises, make([]time.Time, max(0, n-len(l.Promises)))...)
	l.Messages, l.Producers, l.Promises = append(l.Messages, data), append(l.Producers, producer), append(l.Promises, promise)
}

// promise returns what message i promises; the zero time is nothing.
func (l *Log) promise(i int) (before time.Time) {
	if i < len(l.Promises) {
		before = l.Promises[i]
	}
	return before
}

// SealKey puts behind the log the promise of a producer that a value of an attribute is complete: that all records with it, of those that
// Producers says are its own, are among the ones before. It belongs to one shard; what is complete has to be promised in each.
func (l *Log) SealKey(producer, attribute, value string) {
	var t seal.Tally
	for i, name := range l.Producers {
		if name == producer && i < len(l.Messages) && l.promise(i).IsZero() {
			t.Add(l.Messages[i])
		}
	}
	for len(l.Headers) < len(l.Messages) {
		l.Headers = append(l.Headers, nil)
	}
	for len(l.Producers) < len(l.Messages) {
		l.Producers = append(l.Producers, "")
	}
	l.Messages, l.Producers = append(l.Messages, []byte(value)), append(l.Producers, "")
	l.Headers = append(l.Headers, seal.KeyHeaders(producer, attribute, t))
}

// records counts the messages that are records.
func (l *Log) records() (n int) {
	for i := range l.Messages {
		if (i >= len(l.Headers) || len(l.Headers[i][seal.Header]) == 0) && l.promise(i).IsZero() {
			n++
		}
	}
	return n
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

// headers returns those of message i, with its producer and number, or what it promises, if it has one: tallies has what each has
// published before.
func (l *Log) headers(i int, tallies map[string]seal.Tally) map[string][]string {
	var headers map[string][]string
	if i < len(l.Headers) {
		headers = l.Headers[i]
	}
	if i < len(l.Producers) && l.Producers[i] != "" {
		name := l.Producers[i]
		t := tallies[name]
		var own map[string][]string
		if before := l.promise(i); !before.IsZero() {
			own = seal.Promise{Tally: t, Before: before.UnixNano()}.Headers(name)
		} else {
			t.Add(l.Messages[i])
			own = seal.RecordHeaders(name, t.Count)
		}
		tallies[name] = t
		maps.Copy(own, headers)
		headers = own
	}
	return headers
}

// without returns the log without some of its messages.
func (l Log) without(from, to int) Log {
	l.Messages, l.Times = cut(l.Messages, from, to), cut(l.Times, from, to)
	l.Headers, l.Producers, l.Promises = cut(l.Headers, from, to), cut(l.Producers, from, to), cut(l.Promises, from, to)
	return l
}

func cut[T any](all []T, from, to int) []T {
	if to > len(all) {
		return all[:min(from, len(all)):min(from, len(all))]
	}
	return slices.Concat(all[:from], all[to:])
}

// inputMessages makes the messages of a log, with its end marker or those of the producers.
func inputMessages(l Log, producers []string) []plan.Message {
	out := make([]plan.Message, 0, len(l.Messages)+1)
	subject := fmt.Sprintf("%s.%d", l.Read, l.Shard)
	tallies := make(map[string]seal.Tally)
	for i, data := range l.Messages {
		out = append(out, plan.Message{Subject: subject, Data: data, Header: l.headers(i, tallies), Seq: uint64(i + 1), Time: l.stored(i).UnixNano()})
	}
	for _, m := range endMarkers(out, producers, l.stored(len(l.Messages)).UnixNano()) {
		m.Seq = uint64(len(out) + 1)
		out = append(out, m)
	}
	return out
}

// endMarkers are the messages that say that nothing follows a log: one, or one of each producer, which promises what is in it.
func endMarkers(log []plan.Message, producers []string, stored int64) []plan.Message {
	if len(producers) == 0 {
		return []plan.Message{{Header: map[string][]string{seal.Header: {seal.End}}, Time: stored}}
	}
	var out []plan.Message
	for _, name := range producers {
		promise := seal.Promise{Tally: published(name, log), Before: plan.End}
		out = append(out, plan.Message{Header: promise.Headers(name), Time: stored})
	}
	return out
}

// published returns what a producer has published to a log: its records by their numbers, as far as they have no gap.
func published(producer string, log []plan.Message) (t seal.Tally) {
	records := make(map[uint64][]byte)
	for _, m := range log {
		n, err := seal.Sequence(m.Header)
		if _, again := records[n]; err == nil && !again && seal.Producer(m.Header) == producer {
			records[n] = m.Data
		}
	}
	for data, ok := records[1]; ok; data, ok = records[t.Count+1] {
		t.Add(data)
	}
	return t
}
