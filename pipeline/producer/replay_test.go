package producer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/nats-io/nats.go"
)

// A producer that died publishes again what its last Seal did not cover: what is in the stream does not count twice, what is not
// there, also from the middle, is published, and records that are alike count as often as there are. It may die again on the way.
func TestReplay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	open := func(sealed time.Time) *producer.Producer {
		t.Helper()
		p, err := producer.Open(t.Context(), producer.Config{Conn: f.server.Conn(t), Name: "web", Stream: "ORDERS", Shards: shards, Replay: true, Sealed: sealed})
		f.must(err)
		return p
	}
	first := open(time.Time{})
	f.must(first.Publish(t.Context(), "orders.us.sf", text(1, "us")))
	f.must(first.Publish(t.Context(), "orders.us.sf", text(5, "us")))
	f.must(first.Seal(t.Context(), noon.Add(5*time.Minute)))
	// Since then, by number: 3 is lost, 4 and 6 are alike, 5 is another subject; and the last promise came to one shard only.
	since := []*nats.Msg{
		{Subject: "orders.us.sf", Data: text(6, "us")},
		{Subject: "orders.us.sf", Data: text(7, "us")},
		{Subject: "orders.us.la", Data: text(7, "us")},
		{Subject: "orders.us.sf", Data: text(7, "us")},
	}
	for i, m := range since[1:] {
		_, err := f.js.PublishMsg(t.Context(), &nats.Msg{Subject: m.Subject, Data: m.Data, Header: nats.Header{"Calm-Producer": {"web"}, "Calm-Sequence": {fmt.Sprint(i + 4)}}})
		f.must(err)
	}
	_, err := f.js.PublishMsg(t.Context(), &nats.Msg{Subject: "orders.eu.seal", Header: nats.Header{"Calm-Producer": {"web"}, "Calm-Seal": {"2024-01-31T12:08:00Z"}, "Calm-Count": {"0"}, "Calm-Digest": {"0000000000000000"}}})
	f.must(err)
	since = append(since, &nats.Msg{Subject: "orders.us.sf", Data: text(7, "us")})
	for round := range 3 { // the first two die on the way
		p := open(noon.Add(5 * time.Minute))
		if err := p.Seal(t.Context(), noon.Add(8*time.Minute)); err == nil || !strings.Contains(err.Error(), "were not published again") {
			t.Fatalf("a promise before everything has come again: %v", err)
		}
		for i, m := range since {
			if round < 2 && i > 2*round+1 {
				break
			}
			f.must(p.Publish(t.Context(), m.Subject, m.Data))
		}
		f.must(p.Flush(t.Context()))
		if round == 0 { // number 3 arrives after all, behind what took its place
			_, err := f.js.PublishMsg(t.Context(), &nats.Msg{Subject: "orders.us.sf", Data: text(6, "us"), Header: nats.Header{"Calm-Producer": {"web"}, "Calm-Sequence": {"3"}}})
			f.must(err)
		}
		if round == 2 {
			f.must(p.Seal(t.Context(), noon.Add(8*time.Minute)))
			f.must(p.Publish(t.Context(), "orders.us.sf", text(7+4, "us"))) // it is in order again
			f.must(p.End(t.Context()))
		}
	}
	p := open(noon.Add(8 * time.Minute)) // it has died before it knew that it had ended
	f.must(p.Publish(t.Context(), "orders.us.sf", text(7+4, "us")))
	f.must(p.End(t.Context()))
	f.run("web")()
	if got, want := f.got.all(), (map[string]string{"12:00 us": "7", "12:10 us": "1"}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if dead := f.rejected("dead"); len(dead) > 0 {
		t.Errorf("dead letters: %q", dead)
	}
	for want, cfg := range map[string]producer.Config{
		"Config.Replay does not say": {Sealed: noon},
		"up to Config.Sealed":        {Sealed: noon, Replay: true},
	} {
		cfg.Conn, cfg.Name, cfg.Stream, cfg.Shards = f.server.Conn(t), "web", "ORDERS", shards
		if _, err := producer.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The process of TestKilledProducer publishes this many records, and makes a promise behind each hundredth.
const (
	sourceRecords = 4000
	sourceSeal    = 100
)

// sourceRecord is record i of the source that a producer process reads. Many are alike.
func sourceRecord(i int) (subject string, payload []byte) {
	subjects := []string{"orders.eu.rome", "orders.us.sf", "orders.eu.oslo.old"}
	return subjects[i*i%3], text(i/sourceSeal, []string{"it", "us"}[i%2])
}

// progress is what a producer process keeps in a file: how much of its source is sealed, and by which promise.
type progress struct {
	Records int
	Sealed  time.Time
}

// produce is the program of a producer process: it goes on behind the last promise that it knows to have succeeded. Behind limit records it
// waits until it is killed.
func produce(ctx context.Context, url, file string, limit int) error {
	var at progress
	if data, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(data, &at); err != nil {
			return err
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	p, err := producer.Open(ctx, producer.Config{Conn: nc, Name: "web", Stream: "ORDERS", Shards: shards, Replay: true, Sealed: at.Sealed})
	if err != nil {
		return err
	}
	for i := at.Records; i < sourceRecords; {
		if i == limit {
			<-ctx.Done()
			return ctx.Err()
		}
		subject, payload := sourceRecord(i)
		if err := p.Publish(ctx, subject, payload); err != nil {
			return err
		}
		if i++; i%sourceSeal > 0 {
			continue
		}
		at = progress{i, noon.Add(time.Duration(i/sourceSeal) * time.Minute)}
		if err := p.Seal(ctx, at.Sealed); err != nil {
			return err
		}
		data, err := json.Marshal(at)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file+".new", data, 0o600); err != nil {
			return err
		}
		if err := os.Rename(file+".new", file); err != nil {
			return err
		}
	}
	return p.End(ctx)
}

// The variables that make a process of this test binary a producer.
const childURL, childFile, childLimit = "CALM_PRODUCER_URL", "CALM_PRODUCER_FILE", "CALM_PRODUCER_LIMIT"

// TestProducerProcess is the producer process of TestKilledProducer, and nothing in any other.
func TestProducerProcess(t *testing.T) {
	t.Parallel()
	if url := os.Getenv(childURL); url != "" {
		limit, err := strconv.Atoi(os.Getenv(childLimit))
		if err != nil {
			t.Fatal(err)
		}
		if err := produce(t.Context(), url, os.Getenv(childFile), limit); err != nil {
			t.Fatal(err)
		}
	}
}

// A producer process that is killed again and again, at any moment, counts each of its records once: in the stream, counted here by
// themselves, and in the results of a pipeline.
func TestKilledProducer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	file := filepath.Join(t.TempDir(), "progress")
	spawn := func(limit int) (*exec.Cmd, *strings.Builder) {
		t.Helper()
		cmd, said := exec.Command(os.Args[0], "-test.run", "^TestProducerProcess$"), new(strings.Builder)
		cmd.Env = append(os.Environ(), childURL+"="+f.server.URL(), childFile+"="+file, childLimit+"="+strconv.Itoa(limit))
		cmd.Stdout, cmd.Stderr = said, said
		f.must(cmd.Start())
		return cmd, said
	}
	stream, err := f.js.Stream(t.Context(), "ORDERS")
	f.must(err)
	wait := f.run("web")
	const most = 600 // records that each process adds; six times that is less than all
	for kills, goal := 1, uint64(0); kills <= 6; kills++ {
		goal += uint64(most/2 + rand.IntN(most/2)) // so that each one gets somewhere
		cmd, _ := spawn(kills * most)
		natstest.Eventually(t, fmt.Sprintf("message %d", goal), func() bool {
			info, err := stream.Info(t.Context())
			return err == nil && info.State.LastSeq >= goal
		})
		f.must(cmd.Process.Kill())
		if cmd.Wait() == nil {
			t.Fatal("it has come to its end before it was killed")
		}
	}
	cmd, said := spawn(-1)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	wait()

	want, windows := map[string]int{}, map[string]int{}
	for i := range sourceRecords {
		subject, payload := sourceRecord(i)
		want[subject+" "+string(payload)]++
		windows[fmt.Sprintf("12:%d0 %s", i/sourceSeal/10, []string{"it", "us"}[i%2])]++
	}
	inStream, taken := map[string]int{}, map[string]bool{}
	info, err := stream.Info(t.Context())
	f.must(err)
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		f.must(err)
		number := strings.Split(m.Subject, ".")[1] + m.Header.Get("Calm-Sequence")
		if m.Header.Get("Calm-Sequence") == "" || taken[number] {
			continue
		}
		if taken[number] = true; m.Header.Get("Calm-Seal") == "" {
			inStream[m.Subject+" "+string(m.Data)]++
		}
	}
	if !maps.Equal(inStream, want) {
		t.Errorf("the stream has %v, want %v", inStream, want)
	}
	got := f.got.all()
	for window, n := range windows {
		if got[window] != fmt.Sprint(n) {
			t.Errorf("%s: %s, want %d", window, got[window], n)
		}
	}
	if len(got) != len(windows) {
		t.Errorf("%d results, want %d", len(got), len(windows))
	}
	if dead := f.rejected("dead"); len(dead) > 0 {
		t.Errorf("dead letters: %q", dead)
	}
}

// A promise about a value is no Seal: what it covers comes again as well, and is not published a second time. Nor is a value
// promised before all has come again.
func TestReplayBehindAPromiseOfAValue(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	open := func(sealed time.Time) *producer.Producer {
		t.Helper()
		p, err := producer.Open(t.Context(), producer.Config{Conn: f.server.Conn(t), Name: "web", Stream: "ORDERS", Shards: shards, Replay: true, Sealed: sealed})
		f.must(err)
		return p
	}
	stored := func() uint64 {
		t.Helper()
		s, err := f.js.Stream(t.Context(), "ORDERS")
		f.must(err)
		return s.CachedInfo().State.Msgs
	}
	first := open(time.Time{})
	f.must(first.Seal(t.Context(), noon))
	f.must(first.Publish(t.Context(), "orders.us.sf", text(1, "us")))
	f.must(first.SealKey(t.Context(), "country", "us"))
	f.must(first.Publish(t.Context(), "orders.us.sf", text(2, "us")))
	f.must(first.Flush(t.Context()))
	before := stored()
	p := open(noon)
	if err := p.SealKey(t.Context(), "country", "it"); err == nil || !strings.Contains(err.Error(), "were not published again") {
		t.Errorf("a promise before everything has come again: %v", err)
	}
	f.must(p.Publish(t.Context(), "orders.us.sf", text(1, "us")))
	f.must(p.Publish(t.Context(), "orders.us.sf", text(2, "us")))
	f.must(p.Flush(t.Context()))
	if got := stored(); got != before {
		t.Errorf("%d messages were published a second time", got-before)
	}
	f.must(p.SealKey(t.Context(), "country", "it"))
}
