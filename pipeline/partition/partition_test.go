package partition_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/partition"
	"github.com/nats-io/nats.go/jetstream"
)

var layout = partition.Layout{Subject: "clicks.*.*", Tokens: []int{2}, Partitions: 8, Prefix: "parted"}

// publish sends messages of many campaigns and returns the subjects as they should be stored, in order.
func publish(t *testing.T, js jetstream.JetStream) (want []string) {
	t.Helper()
	for i := range 200 {
		site, campaign := fmt.Sprintf("site%d", i%7), fmt.Sprintf("campaign%d", i%41)
		if _, err := js.Publish(t.Context(), "clicks."+site+"."+campaign, nil); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("parted.%d.%s.%s", partition.Of(8, campaign), site, campaign))
	}
	return want
}

// stored reads the subjects of each partition by its filter.
func stored(t *testing.T, s jetstream.Stream) (all []string) {
	t.Helper()
	for p, filter := range layout.Subjects() {
		c, err := s.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
		if err != nil {
			t.Fatal(err)
		}
		left := c.CachedInfo().NumPending
		if left == 0 {
			t.Errorf("partition %d is empty: the test proves little", p)
			continue
		}
		it, err := c.Messages()
		if err != nil {
			t.Fatal(err)
		}
		for ; left > 0; left-- {
			m, err := it.Next(jetstream.NextContext(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, m.Subject())
		}
		it.Stop()
	}
	return all
}

// What the server stores is what Of says, and each message is in exactly one partition.
func TestServerAndClientAgree(t *testing.T) {
	t.Parallel()
	js := natstest.Run(t).JetStream(t)
	s, err := partition.Create(t.Context(), js, jetstream.StreamConfig{Name: "CLICKS"}, layout)
	if err != nil {
		t.Fatal(err)
	}
	want := publish(t, js)
	got := stored(t, s)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("stored %v\nwant %v", got, want)
	}
	if _, err := partition.Create(t.Context(), js, jetstream.StreamConfig{Name: "CLICKS"}, layout); err != nil {
		t.Errorf("the second time: %v", err)
	}
	other := layout
	other.Partitions = 16
	_, err = partition.Create(t.Context(), js, jetstream.StreamConfig{Name: "CLICKS"}, other)
	if !errors.Is(err, partition.ErrLayout) || !strings.Contains(err.Error(), "partition(8,2)") || !strings.Contains(err.Error(), "partition(16,2)") {
		t.Errorf("another number of partitions: %v", err)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	js := natstest.Run(t).JetStream(t)
	for _, name := range []string{"THEIRS", "OTHER"} {
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{map[string]string{"THEIRS": "clicks.>", "OTHER": "other.*"}[name]}}); err != nil {
			t.Fatal(err)
		}
	}
	want := publish(t, js)
	if _, err := js.Publish(t.Context(), "clicks.else", nil); err != nil { // not of the pattern
		t.Fatal(err)
	}
	s, err := partition.Copy(t.Context(), js, "THEIRS", jetstream.StreamConfig{Name: "OURS"}, layout)
	if err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, "everything is copied", func() bool {
		info, err := s.Info(t.Context())
		return err == nil && info.State.Msgs >= uint64(len(want))
	})
	got := stored(t, s)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("stored %v\nwant %v", got, want)
	}
	if _, err := partition.Copy(t.Context(), js, "OTHER", jetstream.StreamConfig{Name: "OURS"}, layout); !errors.Is(err, partition.ErrLayout) {
		t.Errorf("a copy of another stream: %v", err)
	}
	if _, err := partition.Copy(t.Context(), js, "THEIRS", jetstream.StreamConfig{Name: "THEIRS"}, layout); err == nil || !strings.Contains(err.Error(), "copy of itself") {
		t.Errorf("a copy of itself: %v", err)
	}
}

func TestLayoutsThatCannotBe(t *testing.T) {
	t.Parallel()
	with := func(change func(*partition.Layout)) partition.Layout {
		l := layout
		change(&l)
		return l
	}
	for _, c := range []struct {
		layout partition.Layout
		want   string
	}{
		{partition.Layout{}, "Subject"},
		{with(func(l *partition.Layout) { l.Subject = "clicks.a" }), "no *"},
		{with(func(l *partition.Layout) { l.Subject = "clicks.>" }), "plain tokens"},
		{with(func(l *partition.Layout) { l.Subject = "clicks..*" }), "plain tokens"},
		{with(func(l *partition.Layout) { l.Tokens = []int{3} }), "wildcards"},
		{with(func(l *partition.Layout) { l.Tokens = []int{0} }), "wildcards"},
		{with(func(l *partition.Layout) { l.Tokens = []int{1, 1} }), "once"},
		{with(func(l *partition.Layout) { l.Partitions = 0 }), "Partitions"},
		{with(func(l *partition.Layout) { l.Partitions = 1 << 20 }), "Partitions"},
		{with(func(l *partition.Layout) { l.Prefix = "" }), "Prefix"},
		{with(func(l *partition.Layout) { l.Prefix = "a.*" }), "Prefix"},
		{with(func(l *partition.Layout) { l.Prefix = "a.{{x}}" }), "Prefix"},
		{partition.Layout{Subject: "*.*.*", Partitions: 2, Prefix: "x"}, ""},
	} {
		err := c.layout.Err()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.layout, err, c.want)
		}
	}
	js := natstest.Run(t).JetStream(t)
	if _, err := partition.Create(t.Context(), js, jetstream.StreamConfig{Name: "S", SubjectTransform: &jetstream.SubjectTransformConfig{}}, layout); err == nil {
		t.Error("a second transform was accepted")
	}
	if _, err := partition.Copy(t.Context(), js, "O", jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}, layout); err == nil {
		t.Error("a copy that takes other messages was accepted")
	}
	if _, err := partition.Create(t.Context(), js, jetstream.StreamConfig{Name: "S"}, partition.Layout{}); err == nil {
		t.Error("no layout was accepted")
	}
}
