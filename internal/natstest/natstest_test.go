package natstest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/nats-io/nats.go/jetstream"
)

func TestRestartKeepsAddressAndMessages(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := natstest.Run(t)
	js := server.JetStream(t)
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "log", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	url := server.URL()

	server.Restart(t)

	if server.URL() != url {
		t.Errorf("the address changed from %s to %s", url, server.URL())
	}
	var msg *jetstream.RawStreamMsg
	natstest.Eventually(t, "the old connection works again", func() bool {
		msg, err = stream.GetMsg(ctx, 1)
		return err == nil
	})
	if string(msg.Data) != "kept" {
		t.Errorf("message 1 is %q after the restart", msg.Data)
	}
}

func TestServersAreSeparate(t *testing.T) {
	t.Parallel()
	one, two := natstest.Run(t), natstest.Run(t)
	if one.URL() == two.URL() {
		t.Fatalf("two servers share the address %s", one.URL())
	}
	if _, err := one.JetStream(t).CreateStream(t.Context(), jetstream.StreamConfig{Name: "LOG"}); err != nil {
		t.Fatal(err)
	}
	if _, err := two.JetStream(t).Stream(t.Context(), "LOG"); err == nil {
		t.Fatal("a stream of one server is seen by the other")
	}
}

func TestClusterSurvivesStepDown(t *testing.T) {
	t.Parallel()
	cluster := natstest.RunCluster(t, 3)
	js := cluster.JetStream(t)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log"}, Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, js, 1)

	cluster.StepDown(t, "LOG")

	publish(t, js, 2)
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Cluster.Replicas) != 2 || info.State.LastSeq != 2 {
		t.Errorf("stream has %d followers and %d messages, want 2 and 2", len(info.Cluster.Replicas), info.State.LastSeq)
	}
}

// publish tries until it is stored; a message id makes the tries one message.
func publish(t *testing.T, js jetstream.JetStream, n int) {
	t.Helper()
	natstest.Eventually(t, fmt.Sprintf("message %d is stored", n), func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := js.Publish(ctx, "log", nil, jetstream.WithMsgID(fmt.Sprint(n)))
		return err == nil
	})
}
