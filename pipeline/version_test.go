package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go/jetstream"
)

// Two versions run over the same input. The first one is active until another one is activated, and both keep their plans.
func TestVersions(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	if _, err := pipeline.Versions(t.Context(), conn, "vs"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("nothing has run: %v", err)
	}
	if _, err := pipeline.ActiveVersion(t.Context(), conn, "vs"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("nothing has run: %v", err)
	}
	in := newInput(t, js, "vs", 1)
	in.put(t, 0, "a b a")
	in.end(t)
	old, next := wordcount("vs", 1, 50), wordcount("vs", 1, 50)
	next.Version = "2"
	var epochs []string
	for _, p := range []*pipeline.Pipeline{old, next, old} { // whoever runs again changes nothing
		fingerprint, err := p.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		epochs = append(epochs, "e"+fingerprint)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err = p.Run(ctx, pipeline.Config{Conn: conn, Logger: quiet})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if active, err := pipeline.ActiveVersion(t.Context(), conn, "vs"); err != nil || active != epochs[0] {
			t.Errorf("active is %q, not the first one: %v", active, err)
		}
	}
	all, err := pipeline.Versions(t.Context(), conn, "vs")
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, v := range all {
		p := old
		if v.Epoch == epochs[1] {
			p = next
		}
		document, err := p.Document()
		if err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(document)
		if got, _ := json.Marshal(v.Document); string(got) != string(want) || v.Active != (v.Epoch == epochs[0]) {
			t.Errorf("%s: active %t, plan %s", v.Epoch, v.Active, got)
		}
	}
	if _, err := pipeline.ActivateVersion(t.Context(), conn, "vs", "e0"); !errors.Is(err, pipeline.ErrVersionUnknown) {
		t.Errorf("an epoch that has not run: %v", err)
	}
	for _, want := range []string{epochs[0], epochs[1]} { // the second time there is nothing to do
		if before, err := pipeline.ActivateVersion(t.Context(), conn, "vs", epochs[1]); err != nil || before != want {
			t.Errorf("before it was %q, want %q: %v", before, want, err)
		}
	}
	kv, err := js.KeyValue(t.Context(), "calm_vs")
	if err != nil {
		t.Fatal(err)
	}
	if entry, err := kv.Get(t.Context(), "active"); err != nil || string(entry.Value()) != epochs[1] {
		t.Errorf("an ordinary reader of the bucket sees %v, %v", entry, err)
	}
}
