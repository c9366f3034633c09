package source_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/source"
	"github.com/nats-io/nats.go/jetstream"
)

func TestMissingStream(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	config := f.config()
	config.Stream = "OTHER"
	_, err := source.Open(f.ctx, config)
	var missing *source.MissingError
	if !errors.Is(err, source.ErrStreamMissing) || !errors.As(err, &missing) || missing.Stream != "OTHER" {
		t.Fatalf("opened: %v", err)
	}
	f.contains(err, "OTHER", "create it")
}

func TestStreamDeletedWhileReading(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(10, "log.a")
	r := f.open(f.config())
	f.read(r, 10)
	if err := f.js.DeleteStream(f.ctx, streamName); err != nil {
		t.Fatal(err)
	}
	if _, err := f.failure(r); !errors.Is(err, source.ErrStreamMissing) {
		t.Errorf("ended with %v", err)
	}
}

func TestStreamRecreated(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(10, "log.a")
	r := f.open(f.config())
	f.read(r, 10)
	before := f.created()
	if err := f.js.DeleteStream(f.ctx, streamName); err != nil {
		t.Fatal(err)
	}
	f.create(1)
	f.publish(20, "log.a")
	away := f.config()
	away.Incarnation, away.After = before, 10

	_, opening := source.Open(f.ctx, away)
	_, reading := f.failure(r)

	for name, err := range map[string]error{"while away": opening, "while reading": reading} {
		var e *source.RecreatedError
		if !errors.Is(err, source.ErrRecreated) || !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		} else if e.Expected.UnixNano() != before || e.Found.UnixNano() != f.created() {
			t.Errorf("%s: the times are wrong: %v", name, err)
		}
	}
}

func TestPurgedWhileAway(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(100, "log.a")
	config := f.config()
	config.Incarnation, config.After = f.created(), 10
	if err := f.stream.Purge(f.ctx, jetstream.WithPurgeSequence(11)); err != nil {
		t.Fatal(err)
	}
	f.wantSeqs(f.read(f.open(config), 100), 11, 100)

	purgeTo := func(first uint64) error {
		if err := f.stream.Purge(f.ctx, jetstream.WithPurgeSequence(first)); err != nil {
			t.Fatal(err)
		}
		_, err := source.Open(f.ctx, config)
		return err
	}
	f.wantGap(purgeTo(12), 11, 11)
	err := purgeTo(51)
	f.wantGap(err, 11, 50)
	f.contains(err, "LOG", "11 to 50", "declare a new Version")
}

func (f *fixture) wantGap(err error, from, to uint64) {
	f.Helper()
	var gap *source.GapError
	if !errors.Is(err, source.ErrGap) || !errors.As(err, &gap) || *gap != (source.GapError{Stream: streamName, From: from, To: to}) {
		f.Errorf("want a gap from %d to %d, got %v", from, to, err)
	}
}

// The server skips what was purged without a word, so reading goes on; only Verify can tell.
func TestPurgedWhileReading(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(100, "log.a")
	config := f.config()
	config.MaxBatch, config.Heartbeat = 10, time.Second // so slow that the consumer is not given up on a busy machine
	r := f.open(config)
	got := f.read(r, 5)
	if err := r.Verify(f.ctx, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.stream.Purge(f.ctx, jetstream.WithPurgeSequence(81)); err != nil {
		t.Fatal(err)
	}

	got = append(got, f.read(r, 100)...)

	jump := 0
	for got[jump+1].Seq == got[jump].Seq+1 {
		jump++
	}
	if got[jump+1].Seq != 81 {
		t.Fatalf("after %d came %d", got[jump].Seq, got[jump+1].Seq)
	}
	f.wantGap(r.Verify(f.ctx, 5), got[jump].Seq+1, 80)
	f.wantGap(r.Verify(f.ctx, 0), got[jump].Seq+1, 80)
}

// With a purge to the very end no message is left that would jump. The requests, which were to be used up by what
// waited, fall silent, and the next consumer finds the gap.
func TestPurgedToTheEndWhileReading(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(50, "log.a")
	config := f.config()
	config.MaxBatch, config.Heartbeat = 1, time.Second
	r := f.open(config)
	got := f.read(r, 5)
	if err := f.stream.Purge(f.ctx); err != nil {
		t.Fatal(err)
	}
	var buf []plan.Message
	var err error
	for {
		if buf, err = r.Next(f.ctx, nil, buf); err != nil {
			break
		}
		got = append(got, buf...)
	}
	f.wantGap(err, got[len(got)-1].Seq+1, 50)
}

func TestDeletedInTheMiddleIsNoGap(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(20, "log.a")
	if err := f.stream.DeleteMsg(f.ctx, 7); err != nil {
		t.Fatal(err)
	}
	r := f.open(f.config())
	if got := f.read(r, 20); len(got) != 19 {
		t.Fatalf("read %v", seqs(got))
	}
	if err := r.Verify(f.ctx, 0); err != nil {
		t.Error(err)
	}
}

func TestVerifyAsksOnlyAfterAJump(t *testing.T) {
	t.Parallel()
	f, server := setup(t)
	f.publish(10, "log.a", "log.b")
	all, some := f.open(f.config()), f.config()
	some.Filter = "log.b"
	filtered := f.open(some)
	f.read(all, 10)
	f.read(filtered, 10)
	server.Shutdown()
	if err := all.Verify(f.ctx, 0); err != nil {
		t.Errorf("every sequence was read, but: %v", err)
	}
	if err := filtered.Verify(f.ctx, 0); !errors.Is(err, source.ErrUnavailable) {
		t.Errorf("without a server: %v", err)
	}
	f.restart(server)
	natstest.Eventually(t, "the stream is proven whole", func() bool { return filtered.Verify(f.ctx, 0) == nil })
	server.Shutdown()
	if err := filtered.Verify(f.ctx, 0); err != nil {
		t.Errorf("nothing was read since the last proof, but: %v", err)
	}
}

func TestVerifyAfterRecreation(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(10, "log.a", "log.b")
	config := f.config()
	config.Filter = "log.b"
	r := f.open(config)
	f.read(r, 10)
	if err := f.js.DeleteStream(f.ctx, streamName); err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(f.ctx, 0); !errors.Is(err, source.ErrStreamMissing) {
		t.Errorf("of a deleted stream: %v", err)
	}
	f.create(1)
	if err := r.Verify(f.ctx, 0); !errors.Is(err, source.ErrRecreated) {
		t.Errorf("of a recreated stream: %v", err)
	}
}

// A server that loses power comes back with an older state of its files.
func TestStreamLostItsTail(t *testing.T) {
	t.Parallel()
	f, server := setup(t)
	f.publish(10, "log.a", "log.b")
	older := filepath.Join(t.TempDir(), "older")
	server.Shutdown()
	if err := os.CopyFS(older, os.DirFS(server.Dir())); err != nil {
		t.Fatal(err)
	}
	f.restart(server)
	f.publish(10, "log.a", "log.b")
	r := f.open(f.config())
	got := f.read(r, 20)
	some := f.config()
	some.Filter = "log.b"
	filtered := f.open(some)
	f.read(filtered, 20)

	server.Shutdown()
	if err := errors.Join(os.RemoveAll(server.Dir()), os.CopyFS(server.Dir(), os.DirFS(older))); err != nil {
		t.Fatal(err)
	}
	f.restart(server)

	var rewound *source.RewoundError
	_, err := f.failure(r)
	if !errors.Is(err, source.ErrRewound) || !errors.As(err, &rewound) || rewound.Read != 20 || rewound.Last != 10 {
		t.Errorf("while reading: %v", err)
	}
	f.contains(err, "up to sequence 20", "ends at 10")
	if err := filtered.Verify(f.ctx, 0); !errors.Is(err, source.ErrRewound) {
		t.Errorf("at a verification: %v", err)
	}
	f.checkReused(r, got)
}

// checkReused opens the stream after its lost sequences were given to other messages.
func (f *fixture) checkReused(r *source.Reader, got []plan.Message) {
	f.Helper()
	f.publish(15, "log.a")
	config := f.config()
	config.Incarnation, config.After, config.LastSeq, config.LastTime = r.Incarnation(), 20, 20, got[19].Time
	_, err := source.Open(f.ctx, config)
	var rewound *source.RewoundError
	if !errors.Is(err, source.ErrRewound) || !errors.As(err, &rewound) || rewound.Read != 20 || rewound.Expected.UnixNano() != got[19].Time || !rewound.Found.After(rewound.Expected) {
		f.Errorf("with sequence 20 given to another message: %v", err)
	}
	config.After, config.LastSeq, config.LastTime = 10, 10, got[9].Time
	f.wantSeqs(f.read(f.open(config), 25), 11, 25)
}

func TestLastMessageThatIsGoneProvesNothing(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(10, "log.a")
	if err := f.stream.DeleteMsg(f.ctx, 5); err != nil {
		t.Fatal(err)
	}
	config := f.config()
	config.Incarnation, config.After, config.LastSeq, config.LastTime = f.created(), 5, 5, time.Now().UnixNano()
	f.wantSeqs(f.read(f.open(config), 10), 6, 10)
}

func TestStreamsThatAreRefused(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	if _, err := f.js.CreateStream(f.ctx, jetstream.StreamConfig{Name: "JOBS", Subjects: []string{"jobs"}, Retention: jetstream.WorkQueuePolicy}); err != nil {
		t.Fatal(err)
	}
	jobs := f.config()
	jobs.Stream = "JOBS"
	_, err := source.Open(f.ctx, jobs)
	if !errors.Is(err, source.ErrRefused) {
		t.Fatalf("a work queue was opened: %v", err)
	}
	f.contains(err, "JOBS", "WorkQueue", "limits")

	wrong := f.config()
	wrong.Filter = "lok.*"
	_, err = source.Open(f.ctx, wrong)
	if !errors.Is(err, source.ErrRefused) {
		t.Fatalf("a filter that matches nothing was accepted: %v", err)
	}
	f.contains(err, "lok.*", "log.>")
}

func TestFilterOfACopyIsNotJudgedByItsOwnSubjects(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(10, "log.a")
	if _, err := f.js.CreateStream(f.ctx, jetstream.StreamConfig{Name: "COPY", Mirror: &jetstream.StreamSource{Name: streamName}}); err != nil {
		t.Fatal(err)
	}
	config := f.config()
	config.Stream, config.Filter = "COPY", "log.a"
	f.wantSeqs(f.read(f.open(config), 10), 1, 10)
}
