package pipeline_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/partition"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var campaigns = partition.Layout{Subject: "pb.*.*", Tokens: []int{2}, Partitions: 4, Prefix: "pbp"}

// perCampaign counts ads, each of which has one campaign that its name begins with, where the shards divide the campaigns.
func perCampaign(name string, subjects []string) *pipeline.Pipeline {
	p := pipeline.New(name)
	ads := pipeline.Read(p, "ads", pipeline.Source[string]{Stream: "PB", Subjects: subjects, PartitionedBy: "campaign", Decode: pipeline.Text})
	byAd := operators.Determines(operators.KeyBy(ads, "ad", func(ad string) string { return ad }), "campaign", func(ad string) string {
		campaign, _, _ := strings.Cut(ad, "-")
		return campaign
	})
	counts := operators.Count("counts", byAd)
	finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
	pipeline.Write(p, "out", operators.Map(finals, func(f operators.Final[string, crdt.GCounter]) counted { return counted{f.Key, f.Value.Value()} }),
		sinks.Subject{Name: name + "-out", Stream: name + "_OUT"}, pipeline.EncodeJSON)
	return p
}

// endOf makes an end marker.
func endOf(subject string) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Header.Set("Calm-Seal", "end")
	return m
}

// What the server has divided needs no exchange, and each key is in one shard.
func TestPartitionedInputNeedsNoExchange(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	if _, err := partition.Create(t.Context(), js, jetstream.StreamConfig{Name: "PB", Subjects: []string{"pb.*.*", "pbp.>"}}, campaigns); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]uint64)
	for i := range 400 {
		ad := fmt.Sprintf("c%d-%d", i%17, i%5)
		if _, err := js.Publish(t.Context(), "pb.site."+ad[:strings.Index(ad, "-")], []byte(ad)); err != nil {
			t.Fatal(err)
		}
		want[ad]++
	}
	// What was put into a wrong partition is not counted there: another shard has the key.
	wrong := (partition.Of(4, "c1") + 1) % 4
	if _, err := js.Publish(t.Context(), fmt.Sprintf("pbp.%d.site.c1", wrong), []byte("c1-1")); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		m := endOf(fmt.Sprintf("pbp.%d.site.end", i))
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	p := perCampaign("pb", campaigns.Subjects())
	text, err := p.Explain()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "exchange") || !strings.Contains(text, "partitioned by campaign") {
		t.Errorf("the plan is\n%s", text)
	}
	if err := p.Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	if got := finalCounts(t, js, "pb_OUT"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	dead := rejected(t, js, "pb", "dead")
	if len(dead) != 1 {
		t.Fatalf("dead letters: %v", dead)
	}
	for _, reason := range dead {
		if !strings.Contains(reason, fmt.Sprintf(`the campaign "c1" belongs to shard %d of 4, and has come in shard %d`, partition.Of(4, "c1"), wrong)) {
			t.Errorf("dead letter: %s", reason)
		}
	}
	// Another number of shards than the stream has partitions is refused before anything is read.
	err = perCampaign("pb2", campaigns.Subjects()[:2]).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet})
	if err == nil || !strings.Contains(err.Error(), `stream "PB" is divided into 4 partitions, and Source.Subjects has 2`) {
		t.Errorf("two of four partitions: %v", err)
	}
}

// A key that nothing ties to the partition is exchanged, and so is one where other shards are asked for.
func TestWhereAnExchangeIsNeededAllTheSame(t *testing.T) {
	t.Parallel()
	build := func(key string, determines, shards int) string {
		t.Helper()
		p := pipeline.New("ex")
		p.Shards = shards
		ads := pipeline.Read(p, "ads", pipeline.Source[string]{Stream: "PB", Subjects: campaigns.Subjects(), PartitionedBy: "campaign", Decode: pipeline.Text})
		keyed := operators.KeyBy(ads, key, func(ad string) string { return ad })
		if determines == 1 {
			keyed = operators.Determines(keyed, "campaign", strings.ToLower)
		}
		pipeline.Write(p, "out", operators.Threshold(operators.Count("counts", keyed), crdt.AtLeast(2)), sinks.Subject{Name: "o", Stream: "O"}, pipeline.EncodeText)
		d, err := p.Document()
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(d.Stages)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, c := range []struct {
		key                string
		determines, shards int
		stages             int
	}{
		{"campaign", 0, 0, 1}, {"campaign", 0, 4, 1}, {"ad", 1, 0, 1}, {"ad", 0, 0, 2}, {"campaign", 0, 2, 2},
	} {
		got := build(c.key, c.determines, c.shards)
		if n := strings.Count(got, `"shards"`); n != c.stages {
			t.Errorf("%+v: %d stages: %s", c, n, got)
		}
	}
}
