package query_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
)

// request sends a request as the nats command would, and returns the answer, or the code and the text of the error.
func request(t *testing.T, conn *nats.Conn, subject, data string) (answer, code, text string) {
	t.Helper()
	msg, err := conn.Request(subject, []byte(data), 10*time.Second)
	if err != nil {
		t.Fatalf("%s %.80s: %v", subject, data, err)
	}
	return string(msg.Data), msg.Header.Get(micro.ErrorCodeHeader), msg.Header.Get(micro.ErrorHeader)
}

// Requests are plain JSON, whoever sends them; those that make no sense are refused by what is wrong, and the shards go on.
func TestRequests(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "VISITS"}); err != nil {
		t.Fatal(err)
	}
	p := newSites()
	m := work(t, srv, p.Pipeline, "w", 0)
	natstest.Eventually(t, "the worker runs", m.Running)
	for _, v := range []string{"a 100", "a 101", "b 102"} {
		if _, err := js.Publish(t.Context(), "VISITS", []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	fingerprint, err := p.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	shard := "calm.q.sites.e" + fingerprint + ".visits.0."
	answer, code, text := request(t, conn, shard+"all.await", `{"key": "a", "threshold": "count >= 2", "wait": "10s"}`)
	if !strings.HasPrefix(answer, `{"verdict":"stable","value":true,"window":"global","frontier":"1970-01-01T00:01:4`) || !strings.HasSuffix(answer, `"origin":"worker w"}`) {
		t.Errorf("await: %s %s %s", answer, code, text)
	}
	_, _, _ = request(t, conn, shard+"all.await", `{"key": "b", "threshold": "count >= 1", "wait": "10s"}`)
	for question, want := range map[string]string{
		`all.threshold {"key": "a", "threshold": "count >= 3"}`:                                    `{"verdict":"unknown","basis":"it has not come there yet, as far as is known","window":"global"`,
		`all.await {"key": "a", "threshold": "count >= 3", "wait": "5ms"}`:                         `{"verdict":"unknown","basis":"it has not`,
		`all.lower-bound {"key": "a"}`:                                                             `{"verdict":"lower-bound","value":2,"window":"global","frontier":"1970-01-01T00:01:42Z","position":{"stage":"visits","shard":0,`,
		`all.lower-bound {"encodedKey": "YQ=="}`:                                                   `{"verdict":"lower-bound","value":2,`,
		`all.lower-bound {"key": ""}`:                                                              `{"verdict":"lower-bound","value":0,`,
		`all.final {"key": "a"}`:                                                                   `{"verdict":"unknown","basis":"it may change yet",`,
		`tumbling.lower-bound {"key": "a", "at": "1970-01-01T00:01:45Z"}`:                          `{"verdict":"lower-bound","value":2,"window":"1970-01-01T00:01:40Z/1970-01-01T00:02:00Z",`,
		`sessions.threshold {"key": "a", "at": "1970-01-01T00:01:42Z", "threshold": "count >= 1"}`: `{"verdict":"stable","value":true,"window":"1970-01-01T00:01:40Z/1970-01-01T00:01:46Z",`,

		`all.threshold not JSON`:                                           "400 a request is JSON such as",
		`all.threshold `:                                                   "400 a request is JSON such as",
		`all.threshold {"key": "a"} {}`:                                    "400 something stands behind",
		`all.threshold {"key": "a", "treshold": "count >= 1"}`:             `400 a request is JSON such as {"key": "calm", "threshold": "count >= 2"}: json: unknown field "treshold"`,
		`all.threshold {}`:                                                 `400 a request has a "key", or an "encodedKey"`,
		`all.threshold {"key": "a"}`:                                       `400 a threshold is missing, such as "count >= 2"`,
		`all.threshold {"key": "a", "threshold": "count < 3"}`:             `400 the set "count < 3" is not known for a crdt.GCounter; one that is: count >= 100`,
		`all.final {"key": "a", "threshold": "count >= 1"}`:                `400 final has no threshold`,
		`all.await {"key": "a", "threshold": "count >= 1", "wait": "5"}`:   `400 "wait" is a duration from 0s to 1m0s, not "5"`,
		`all.await {"key": "a", "threshold": "count >= 1", "wait": "61s"}`: `400 "wait" is a duration from 0s to 1m0s, not "61s"`,
		`all.guess {"key": "a"}`:                                           `400 "guess" is no question; there is threshold, await, lower-bound and final`,
		`tumbling.lower-bound {"key": "a"}`:                                `400 count tumbling has windows; say by an instant which one:`,
		`nothing.lower-bound {"key": "a"}`:                                 `404 stage visits shares no state "nothing"; share one with operators.Share`,
		`all.lower-bound {"key": "a", "from": 1000}`:                       `409 shard: this worker has not come there yet: it is at 3, and the question is about 1000`,
		`tumbling.lower-bound {"key": "a", "at": "1970-01-01T00:01:00Z"}`:  `410 the state of count tumbling is not there any more`,
		`all.lower-bound {"key": "` + strings.Repeat("x", 600<<10) + `"}`:  `413 the request has`,
	} {
		what, data, _ := strings.Cut(question, " ")
		answer, code, text := request(t, conn, shard+what, data)
		if code != "" {
			answer = code + " " + text
		}
		if !strings.HasPrefix(answer, want) {
			t.Errorf("%.90s:\n got %s\nwant %s", question, answer, want)
		}
	}
	left := tooMany(t, conn, shard)
	if _, err := js.Publish(t.Context(), "VISITS", []byte("a 103")); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, "the shard goes on", func() bool {
		answer, _, _ := request(t, conn, shard+"all.lower-bound", `{"key": "a"}`)
		return strings.HasPrefix(answer, `{"verdict":"lower-bound","value":3,`)
	})
	services(t, conn, fingerprint)
	m.stop()
	if err := <-m.ended; err != nil {
		t.Fatal(err)
	}
	left()
	if _, err := conn.Request(shard+"all.lower-bound", []byte(`{"key": "a"}`), 10*time.Second); err == nil || err.Error() != nats.ErrNoResponders.Error() {
		t.Errorf("nobody is there: %v", err)
	}
}

// tooMany asks more than a worker holds, of which one is refused. Left checks that those who wait are told when it has gone.
func tooMany(t *testing.T, conn *nats.Conn, shard string) (left func()) {
	t.Helper()
	sub, err := conn.SubscribeSync(conn.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	const most = 1024
	for i := range most + 1 {
		data := fmt.Appendf(nil, `{"key": "k%d", "threshold": "count >= 1", "wait": "1m"}`, i)
		if err := conn.PublishRequest(shard+"all.await", sub.Subject, data); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(n int, want string) {
		t.Helper()
		for range n {
			msg, err := sub.NextMsg(10 * time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if text := msg.Header.Get(micro.ErrorHeader); text != want {
				t.Fatalf("%q, %s, want %q", text, msg.Data, want)
			}
		}
	}
	expect(1, "1024 questions wait for something to happen in worker w, and no more are taken")
	return func() {
		t.Helper()
		expect(most, "shard: this worker does not run the shard any more")
	}
}

// services holds what nats micro shows.
func services(t *testing.T, conn *nats.Conn, fingerprint string) {
	t.Helper()
	msg, err := conn.Request("$SRV.INFO.calm-sites", nil, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var info micro.Info
	if err := json.Unmarshal(msg.Data, &info); err != nil {
		t.Fatal(err)
	}
	if len(info.Endpoints) != 1 || info.Endpoints[0].Name != "visits-0" || info.Endpoints[0].Subject != "calm.q.sites.e"+fingerprint+".visits.0.*.*" ||
		info.Metadata["worker"] != "w" || info.Metadata["states"] != "all,tumbling,hopping,sessions" || info.Metadata["epoch"] != "e"+fingerprint {
		t.Errorf("%+v", info)
	}
}
