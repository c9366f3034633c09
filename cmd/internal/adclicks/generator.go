package adclicks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Load describes a stream of events. Its zero value but for Start is usable.
type Load struct {
	// Seed decides everything that is random.
	Seed uint64
	// Start is when the first event is due.
	Start time.Time
	// Rate is the number of messages a second; 0 means 1000.
	Rate int
	// Partitions is the number of subjects to spread the events over, by user; 0 means 2.
	Partitions int
	// Jitter is how far, at most, the time of an ordinary event lies before the moment it is sent; 0 means 300 ms.
	Jitter time.Duration
	// Straggle is how far, at least, the time of a straggler lies back: five events in a thousand come from
	// devices that were offline. 0 means 30 seconds.
	Straggle time.Duration
}

func (l Load) withDefaults() Load {
	l.Rate = cmp.Or(l.Rate, 1000)
	l.Partitions = cmp.Or(l.Partitions, 2)
	l.Jitter = cmp.Or(l.Jitter, 300*time.Millisecond)
	l.Straggle = cmp.Or(l.Straggle, 30*time.Second)
	return l
}

// Message is one message of the stream.
type Message struct {
	// Due is when to send it.
	Due time.Time
	// Partition is where.
	Partition int
	// Payload is what.
	Payload []byte
	// Malformed says that the payload is no event; Event is then the one it was made from.
	Malformed bool
	Event     AdEvent
}

// Shares of the messages, in thousandths, and the rhythm of the bursts: in each period, from begin to end.
const (
	clickShare     = 250
	outOfOrder     = 300
	stragglers     = 5
	malformed      = 2
	burstShare     = 450 // of the clicks while a burst lasts
	burstPeriod    = 8 * time.Second
	burstBegin     = 1 * time.Second
	burstEnd       = 2500 * time.Millisecond
	orderlyPrelude = 100 // messages before the first straggler: a stream without a past has none
)

// Generator makes the stream of a Load, message by message. It is not safe for concurrent use.
type Generator struct {
	load   Load
	random *rand.Rand
	next   uint64
}

// NewGenerator returns a generator at the beginning of the stream. The same Load gives the same stream.
func NewGenerator(l Load) *Generator {
	return &Generator{load: l.withDefaults(), random: rand.New(rand.NewPCG(l.Seed, 0x636c69636b73))}
}

// Next returns the next message. Messages of a partition are to be published in this order.
func (g *Generator) Next() Message {
	n := g.next
	g.next++
	rate := uint64(g.load.Rate)
	since := time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/time.Duration(rate)
	m := Message{Due: g.load.Start.Add(since)}

	kind, campaign := Impression, drawCampaign(g.random)
	if g.chance(clickShare) {
		kind = Click
		if at := since % burstPeriod; at >= burstBegin && at < burstEnd && g.chance(burstShare) {
			campaign = bursting
		}
	}
	user := g.random.IntN(users)
	m.Event = AdEvent{
		ID:       fmt.Sprintf("%08x", n),
		Campaign: campaigns[campaign],
		Ad:       fmt.Sprintf("%s-%d", campaigns[campaign], 1+g.random.IntN(adsPerCampaign)),
		Kind:     kind,
		User:     userName(user),
		Price:    50_000 + 1000*g.random.Int64N(2000),
		Time:     m.Due.Add(-g.delay(n)).UTC(),
	}
	m.Partition = partitionOf(m.Event.User, g.load.Partitions)
	m.Malformed = g.chance(malformed)
	m.Payload = g.payload(m)
	return m
}

// delay is how long the event took to arrive.
func (g *Generator) delay(n uint64) time.Duration {
	switch {
	case g.chance(stragglers) && n >= orderlyPrelude:
		return g.load.Straggle + time.Duration(g.random.Int64N(int64(g.load.Straggle)))
	case g.chance(outOfOrder):
		return time.Duration(g.random.Int64N(int64(g.load.Jitter)))
	}
	return 0
}

// payload encodes the event, or spoils it in one of the ways in which producers do.
func (g *Generator) payload(m Message) []byte {
	e := m.Event
	if !m.Malformed {
		return encode(e)
	}
	switch g.random.IntN(4) {
	case 0: // cut off
		whole := encode(e)
		return whole[:len(whole)/2]
	case 1:
		e.Kind = "hover"
	case 2:
		e.Campaign = ""
	default: // a clock that is far ahead would close every window before its time
		e.Time = e.Time.AddDate(100, 0, 0)
	}
	return encode(e)
}

// encode cannot fail: an event holds nothing but text, numbers and a time of this millennium.
func encode(e AdEvent) []byte {
	data, _ := json.Marshal(e)
	return data
}

func (g *Generator) chance(thousandths int) bool { return g.random.IntN(1000) < thousandths }

func partitionOf(user string, partitions int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(user)) // never fails
	return int(h.Sum32() % uint32(partitions))
}
