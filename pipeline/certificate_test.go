package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// certificatesOf returns all certificates of a pipeline by window and shard, and fails if one is there twice.
func certificatesOf(t *testing.T, srv *natstest.Server, name string) map[string]pipeline.Certificate {
	t.Helper()
	all := make(map[string]pipeline.Certificate)
	err := pipeline.Certificates(t.Context(), srv.Conn(t), name, func(c pipeline.Certificate) bool {
		at := fmt.Sprintf("%s %d %s", c.Window[17:20], c.Shard, c.Epoch)
		if _, twice := all[at]; twice {
			t.Errorf("two certificates for %s", at)
		}
		all[at] = c
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Guarantee 5: each sealed window has a certificate in each shard with its keys, stored once however many owners seal it, and it
// says on whose word. Later owners find the same.
func TestCertificates(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "cert", 2)
	keys := map[string]map[string]bool{}
	for i := range 40 {
		ad := fmt.Sprint("ad", i%7)
		in.click(t, ad, i)
		window := fmt.Sprintf("%02dZ", i/10*10)
		if keys[window] == nil {
			keys[window] = map[string]bool{}
		}
		keys[window][ad] = true
	}
	in.end(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run := func(version string) *pipeline.Monitor {
		t.Helper()
		var owners sync.WaitGroup
		monitor := new(pipeline.Monitor)
		for range 2 {
			conn := srv.Conn(t)
			owners.Go(func() {
				p := clicks("cert", 2)
				p.Version = version
				if err := p.Run(ctx, pipeline.Config{Conn: conn, Standbys: 1, Logger: quiet, Monitor: monitor}); err != nil {
					t.Error(err)
				}
			})
		}
		owners.Wait()
		return monitor
	}
	run("")
	first := certificatesOf(t, srv, "cert")
	got := map[string]int{}
	for _, c := range first {
		got[c.Window[17:20]] += c.Keys
		words := []string{}
		for _, w := range c.Registry {
			words = append(words, w.Name)
			if w.Frontier == "" {
				t.Errorf("%s was not heard of", w.Name)
			}
		}
		if !slices.Equal(words, []string{"shard clicks/0", "shard clicks/1"}) || c.State != "per-ad" || c.Rule != "event-time watermark, lateness 2s" || c.Owner == "" {
			t.Errorf("%+v", c)
		}
		if text := c.String(); !strings.Contains(text, "window "+c.Window+" of state per-ad is sealed in shard per-ad/") || !strings.Contains(text, "shard clicks/1 is complete before") {
			t.Error(text)
		}
	}
	want := map[string]int{}
	for window, ads := range keys {
		want[window] = len(ads)
	}
	if !maps.Equal(got, want) {
		t.Errorf("keys in the certificates: %v, want %v", got, want)
	}
	run("again")
	for at, c := range certificatesOf(t, srv, "cert") {
		before := first[strings.Replace(at, c.Epoch, epochOf(first), 1)]
		if before.Digest != c.Digest || before.Keys != c.Keys {
			t.Errorf("%s: %+v, before %+v", at, c, before)
		}
	}
	if err := pipeline.Certificates(t.Context(), srv.Conn(t), "nobody", nil); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("certificates of a pipeline that never ran: %v", err)
	}
}

func epochOf(all map[string]pipeline.Certificate) string {
	for _, c := range all {
		return c.Epoch
	}
	return ""
}

// An owner that seals a window with other contents than the certificate says raises the alarm.
func TestCertificateOfSomethingElse(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "other", 1)
	in.click(t, "a", 1)
	in.end(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := clicks("other", 1)
	if err := p.Run(ctx, pipeline.Config{Conn: srv.Conn(t), Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	// Another owner had the same input and made something else of it.
	stream, err := js.Stream(t.Context(), "CALM_SEALS_other")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	forged := &nats.Msg{Subject: stored.Subject, Data: stored.Data, Header: nats.Header{}}
	forged.Header.Set("Calm-Digest", "0000000000000000-1")
	if _, err := js.PublishMsg(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(t.Context(), "calm_other"); err != nil { // the checkpoints: everything comes again
		t.Fatal(err)
	}
	monitor := new(pipeline.Monitor)
	if err := clicks("other", 1).Run(ctx, pipeline.Config{Conn: srv.Conn(t), Logger: quiet, Monitor: monitor}); err != nil {
		t.Fatal(err)
	}
	if n := monitor.Shards()[0].Divergences; n != 1 {
		t.Errorf("%d divergences", n)
	}
}
