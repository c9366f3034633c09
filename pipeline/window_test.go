package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// click is an event with a time of its own: seconds into a made-up day.
type click struct {
	Ad string `json:"ad"`
	At int    `json:"at"`
}

var day = time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)

func (c click) time() time.Time { return day.Add(time.Duration(c.At) * time.Second) }

var errPlanted = errors.New("planted")

// clicks counts clicks for each ad in windows of ten seconds, sealed two seconds late; two clicks raise an alert.
func clicks(name string, shards int) *pipeline.Pipeline {
	p := pipeline.New(name)
	var subjects []string
	for i := range shards {
		subjects = append(subjects, fmt.Sprintf("%s.in.%d", name, i))
	}
	events := pipeline.Read(p, "clicks", pipeline.Source[click]{Stream: name, Subjects: subjects, Decode: pipeline.JSON[click], Time: click.time})
	checked := operators.Map(events, func(c click) click {
		if c.Ad == "panic" {
			panic(errPlanted)
		}
		return c
	})
	byAd := operators.Window(operators.KeyBy(checked, "ad", func(c click) string { return c.Ad }), operators.Tumbling(10*time.Second))
	counts := operators.Count("per-ad", byAd)
	pipeline.Write(p, "hot", operators.Threshold(counts, crdt.AtLeast(2)), sinks.Subject{Name: name + ".hot", Stream: name + "_HOT"}, pipeline.EncodeText)
	finals := operators.Finals(operators.Seal(counts, operators.Watermark(2*time.Second)))
	pipeline.Write(p, "finals", finals, sinks.Subject{Name: name + ".out", Stream: name + "_OUT"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	return p
}

func (in *input) click(t *testing.T, ad string, at int) {
	t.Helper()
	data, err := json.Marshal(click{Ad: ad, At: at})
	if err != nil {
		t.Fatal(err)
	}
	in.put(t, 0, string(data))
}

// rejected returns the dead letters or late records of a pipeline by payload, with the reason.
func rejected(t *testing.T, js jetstream.JetStream, pipeline, kind string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for subject, m := range stored(t, js, "CALM_DLQ_"+pipeline) {
		if strings.HasPrefix(subject, "calm."+kind+"."+pipeline+".") {
			out[string(m.Data)] = m.Header.Get("Calm-Error") + " | " + m.Header.Get("Calm-Stage") + " | " + m.Header.Get("Calm-Position")
		}
	}
	return out
}

// Guarantees 4 and 5: alerts leave before any window closes; sealed windows are exact; a late record is in the late
// stream and nowhere else; a broken one is a dead letter with the reason.
func TestWindowsAlertsLateAndBroken(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "ads", 1)
	p := clicks("ads", 1)
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	ended := make(chan error, 1)
	conn := srv.Conn(t)
	alerts, err := conn.SubscribeSync("ads.hot.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	mon := new(pipeline.Monitor)
	go func() { ended <- p.Run(ctx, pipeline.Config{Conn: conn, Logger: quiet, Monitor: mon}) }()

	in.click(t, "a", 1)
	in.click(t, "a", 3)
	alert, err := alerts.NextMsgWithContext(ctx)
	if err != nil {
		t.Fatalf("no alert before the window closed: %v", err)
	}
	if v, w := alert.Header.Get("Calm-Verdict"), alert.Header.Get("Calm-Window"); v != "stable" || w != "2024-02-29T00:00:00Z/2024-02-29T00:00:10Z" {
		t.Errorf("alert: verdict %q, window %q", v, w)
	}
	in.click(t, "b", 11)                         // in the second window; the first stays open until 12
	in.click(t, "a", 5)                          // out of order, not late
	in.put(t, 0, "{broken")                      // a dead letter
	in.click(t, "panic", 12)                     // a dead letter, and closes the first window: its time counts
	in.click(t, "a", 9)                          // late
	in.put(t, 0, `{"ad":"far","at":3000000000}`) // beyond the store time: a dead letter
	in.click(t, "b", 13)
	in.end(t)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	got := make(map[string]string)
	for _, m := range stored(t, js, "ads_OUT") {
		got[m.Header.Get("Calm-Key")+" "+m.Header.Get("Calm-Window")] = string(m.Data) + " " + m.Header.Get("Calm-Verdict")
	}
	want := map[string]string{
		"a 2024-02-29T00:00:00Z/2024-02-29T00:00:10Z": "3 final",
		"b 2024-02-29T00:00:10Z/2024-02-29T00:00:20Z": "2 final",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	late := rejected(t, js, "ads", "late")
	if reason, ok := late[`{"ad":"a","at":9}`]; !ok || len(late) != 1 || !strings.Contains(reason, "was sealed") {
		t.Errorf("late: %v", late)
	}
	dead := rejected(t, js, "ads", "dead")
	for payload, reason := range map[string]string{
		"{broken":                      "not the JSON",
		`{"ad":"panic","at":12}`:       "panicked: planted",
		`{"ad":"far","at":3000000000}`: "beyond the store time",
	} {
		if !strings.Contains(dead[payload], reason) {
			t.Errorf("dead letter %s: %q, want a reason with %q", payload, dead[payload], reason)
		}
	}
	if len(dead) != 3 {
		t.Errorf("dead: %v", dead)
	}
	s := mon.Shards()[0]
	if s.Late != 1 || s.DeadLetters != 3 || !s.Done {
		t.Errorf("status: %+v", s)
	}
}
