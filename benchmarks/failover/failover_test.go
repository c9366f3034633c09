//go:build unix

package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/process"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	os.Exit(m.Run())
}

// Real processes are killed, paused and started again: no id is lost and none is counted twice. `make soak` lets much more happen.
func TestSoak(t *testing.T) {
	t.Parallel()
	events := 8
	if testing.Short() {
		events = 3
	}
	var out strings.Builder
	err := soak(t.Context(), options{soak: events, shards: 4, rate: 200, workers: 3, seed: uint64(time.Now().UnixNano())}, &out)
	if err != nil {
		t.Error(err)
	}
	t.Log(out.String())
}

// The count at the end is one that can fail.
func TestTheCountCanFail(t *testing.T) {
	t.Parallel()
	b, err := newBench(t.Context(), options{shards: 2, rate: 200}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	w, err := b.worker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer killAll([]*process.Process{w})
	if _, err := b.load.worst(t.Context(), b.load.began, b.load.began.Add(100*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	js := b.load.js
	if _, err := js.Publish(t.Context(), seenSubject+".planted", []byte("7")); err != nil { // a second result of an id
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), inSubject(1), []byte("3")); err != nil { // a second effect on the state of a group
		t.Fatal(err)
	}
	err = b.end(t.Context(), []*process.Process{w})
	if err == nil || !strings.Contains(err.Error(), "id 7 has 2 results") || !strings.Contains(err.Error(), "group 3 has") {
		t.Errorf("got %v", err)
	}
}
