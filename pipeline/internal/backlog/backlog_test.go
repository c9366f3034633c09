package backlog_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/backlog"
	"github.com/nats-io/nats.go/jetstream"
)

func TestEach(t *testing.T) {
	t.Parallel()
	js := natstest.Run(t).JetStream(t)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.*"}})
	if err != nil {
		t.Fatal(err)
	}
	consumer := func(filter string) jetstream.Consumer {
		t.Helper()
		c, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	read := func(filter string, most int) (got []uint64) {
		t.Helper()
		err := backlog.Each(t.Context(), consumer(filter), func(_ jetstream.Msg, seq uint64) (bool, error) {
			got = append(got, seq)
			return len(got) < most, nil
		})
		if err != nil {
			t.Error(err)
		}
		return got
	}
	if got := read("s.*", 9); got != nil {
		t.Errorf("of an empty stream: %v", got)
	}
	for i := range 6 {
		if _, err := js.Publish(t.Context(), []string{"s.a", "s.b"}[i%2], nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		filter string
		most   int
		want   []uint64
	}{
		{"s.*", 9, []uint64{1, 2, 3, 4, 5, 6}}, {"s.a", 9, []uint64{1, 3, 5}}, {"s.*", 2, []uint64{1, 2}}, {"s.c", 9, nil},
	} {
		if got := read(c.filter, c.most); !slices.Equal(got, c.want) {
			t.Errorf("%s, at most %d: %v, want %v", c.filter, c.most, got, c.want)
		}
	}
	if err := backlog.Each(t.Context(), consumer("s.*"), func(jetstream.Msg, uint64) (bool, error) { return true, errors.ErrUnsupported }); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("the error of yield: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = backlog.Each(ctx, consumer("s.*"), func(jetstream.Msg, uint64) (bool, error) {
		cancel()
		return true, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the end of the context: %v", err)
	}
}
