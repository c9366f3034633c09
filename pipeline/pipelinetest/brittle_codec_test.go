package pipelinetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// brittleRecord is a record whose codec panics for 13 and fails for 14.
type brittleRecord struct{ text string }

func (b brittleRecord) AppendBinary(buf []byte) ([]byte, error) {
	switch b.text {
	case "13":
		panic("unlucky")
	case "14":
		return nil, fmt.Errorf("not this one")
	}
	return append(buf, b.text...), nil
}

func (b *brittleRecord) UnmarshalBinary(data []byte) error {
	b.text = string(data)
	return nil
}

// Records of one key and time are put in order by their encodings. One whose codec panics or fails then is a dead letter of its
// own, with the operator's name; the others are answered, and the shard goes on.
func TestCodecPanicsWhereRecordsAreOrdered(t *testing.T) {
	t.Parallel()
	type keyed = operators.Keyed[string, brittleRecord]
	text := func(a brittleRecord, b *brittleRecord) string { return fmt.Sprint(a.text, " ", b != nil) }
	for name, build := range map[string]func(stream, table keyed) operators.Stream[string]{
		"left-lookup": func(stream, table keyed) operators.Stream[string] {
			return operators.LeftLookup("looked", stream, operators.TableOf(table, nil), operators.Watermark(0), text)
		},
		"left-enrich": func(stream, table keyed) operators.Stream[string] {
			return operators.LeftEnrich("looked", stream, table, operators.Watermark(0), text)
		},
		"left-join": func(stream, table keyed) operators.Stream[string] {
			return operators.LeftJoin("looked", stream, table, operators.Interval{}, func(a, b *brittleRecord) string { return text(*a, b) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pipeline.New("brittle")
			all := pipeline.Read(p, "in", pipeline.Source[brittleRecord]{
				Stream: "IN", Decode: func(m *pipeline.Message) (brittleRecord, error) { return brittleRecord{string(m.Data)}, nil },
				Time: func(b brittleRecord) time.Time {
					if b.text == "later" {
						return pipelinetest.Start.Add(time.Minute)
					}
					return pipelinetest.Start
				},
			})
			byKey := operators.KeyBy(all, "key", func(brittleRecord) string { return "k" })
			table := operators.KeyBy(operators.Filter(all, func(b brittleRecord) bool { return b.text == "entry" }), "key", func(brittleRecord) string { return "k" })
			pipeline.Write(p, "out", build(byKey, table), nowhere("out"), pipeline.EncodeText)
			d := pipelinetest.NewDriver(t, p)
			for _, s := range []string{"9", "13", "14", "8", "13", "later"} {
				d.Push("in", s)
			}
			var got []string
			for _, r := range d.Results("out") {
				got = append(got, r.Payload)
			}
			if fmt.Sprint(got) != "[8 false 9 false]" {
				t.Errorf("got %v", got)
			}
			rejected := d.Rejected()
			if len(rejected) != 3 {
				t.Fatalf("rejected: %+v", rejected)
			}
			for _, r := range rejected {
				if said := fmt.Sprint(r); !strings.Contains(said, name+" looked") || !strings.Contains(said, "unlucky") && !strings.Contains(said, "not this one") {
					t.Error(said)
				}
			}
		})
	}
}
