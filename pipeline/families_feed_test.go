package pipeline_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/nats-io/nats.go"
)

// sample is a record of the families: what a sensor has measured, in seconds since the day began.
type sample struct {
	Sensor string `json:"sensor"`
	At     int    `json:"at"`
	Value  int64  `json:"value"`
}

func (s sample) time() time.Time { return day.Add(time.Duration(s.At) * time.Second) }
func (s sample) sensor() string  { return s.Sensor }
func (s sample) value() int64    { return s.Value }
func (s sample) size() uint64    { return uint64(s.Value) }
func (s sample) text() string    { return fmt.Sprintf("%s@%d=%d", s.Sensor, s.At, s.Value) }

// textOf is text, or "nothing".
func textOf(s *sample) string {
	if s == nil {
		return "nothing"
	}
	return s.text()
}

func pairOf(a, b *sample) string { return textOf(a) + " with " + textOf(b) }

// samples publishes a part of both inputs: out of order, some late, some broken, some twice.
func samples(r *rig, part int) {
	for side, read := range []string{"left", "right"} {
		for shard := range familyShards {
			for i := 20 * part; i < 20*(part+1); i++ {
				k := i*(4+side) + shard*3
				s := sample{Sensor: fmt.Sprint("s", (k*k+1)%11), At: 2*i - (k*7)%6, Value: int64(k)}
				if i%9 == 8 {
					s.At -= 30
				}
				data, err := json.Marshal(s)
				if err != nil {
					r.Fatal(err)
				}
				if i%13 == 12 {
					data = []byte("{")
				}
				r.put(read, shard, data, nil)
				if i%7 == 3 {
					r.put(read, (shard+i)%familyShards, data, nil)
				}
			}
		}
	}
	if part == parts-1 {
		r.end()
	}
}

func (r *rig) put(side string, shard int, data []byte, headers nats.Header) {
	r.Helper()
	msg := &nats.Msg{Subject: r.subject(side, shard), Data: data, Header: headers}
	if _, err := r.js.PublishMsgAsync(msg); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) end() {
	for _, side := range []string{"left", "right"} {
		for shard := range familyShards {
			r.put(side, shard, nil, nats.Header{"Calm-Seal": {"end"}})
		}
	}
}

// publish publishes a part of the inputs and waits until it is stored.
func (r *rig) publish(part int) {
	r.Helper()
	feed := r.of.feed
	if feed == nil {
		feed = samples
	}
	feed(r, part)
	select {
	case <-r.js.PublishAsyncComplete():
	case <-r.Context().Done():
	}
}

// cutting publishes the samples of the left input, with a recorded cut behind each part but the last.
func cutting(r *rig, part int) {
	samples(r, part)
	if part < parts-1 {
		<-r.js.PublishAsyncComplete()
		if err := producer.Cut(r.Context(), r.srv.Conn(r.T), r.stream("left"), r.subjects("left"), uint64(part+1)); err != nil {
			r.Fatal(err)
		}
	}
}

// promising publishes the left input by two producers, which are opened anew for each part and promise what they have done.
func promising(r *rig, part int) {
	for i, name := range []string{"one", "two"} {
		p, err := producer.Open(r.Context(), producer.Config{Conn: r.srv.Conn(r.T), Name: name, Stream: r.stream("left"), Shards: r.subjects("left")})
		if err != nil {
			r.Fatal(err)
		}
		must := func(err error) {
			r.Helper()
			if err != nil {
				r.Fatal(err)
			}
		}
		for second := 20 * part; second < 20*(part+1); second++ {
			s := sample{Sensor: fmt.Sprint("s", second%5), At: second - 7*(second%3), Value: int64(second + i)}
			data, err := json.Marshal(s)
			must(err)
			must(p.Publish(r.Context(), r.subject("left", (second+i)%familyShards), data))
		}
		must(p.Seal(r.Context(), day.Add(time.Duration(20*part+10)*time.Second)))
		if part == parts-1 {
			must(p.End(r.Context()))
		}
	}
}
