package main_test

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"time"
)

var resumption = regexp.MustCompile(`(?m)^calmstream: (stage \w+, shard \d+): resumed at position (\d+)$`)

// resumed returns the positions at which a process says that its shards went on.
func resumed(t *testing.T, stderr string) map[string]uint64 {
	t.Helper()
	at := make(map[string]uint64)
	for _, found := range resumption.FindAllStringSubmatch(stderr, -1) {
		position, err := strconv.ParseUint(found[2], 10, 64)
		if err != nil || position == 0 {
			t.Errorf("%s is no position", found[0])
		}
		at[found[1]] = position
	}
	return at
}

// TestKilledAtTenMoments kills the tool again and again on one store, whenever it runs. A run that ends before its time has
// come must be right, and is followed by another on a new store.
func TestKilledAtTenMoments(t *testing.T) {
	t.Parallel()
	kills := 10
	if testing.Short() {
		kills = 4
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	text := goSource(t, true, scaled(6))
	input, want := file(t, text), modelled(text)

	began := time.Now()
	same(t, count(t, nil, "--input", input, "--shards", "3"), want)
	whole := time.Since(began)

	killed, resumptions := 0, 0
	for killed < kills {
		s := &survivor{t: t, input: input, dir: t.TempDir(), want: want, last: make(map[string]uint64)}
		for killed < kills && s.live(time.Duration(random.Int64N(int64(whole)))) {
			killed++
		}
		if killed == kills {
			s.live(0)
		}
		resumptions += s.resumptions
	}
	if resumptions == 0 {
		t.Errorf("none of the processes went on from a checkpoint")
	}
	t.Logf("%d shards went on from a checkpoint", resumptions)
}

// survivor is a run on one store that is killed and started again.
type survivor struct {
	t                *testing.T
	input, dir, want string
	last             map[string]uint64 // where each shard went on last
	resumptions      int
}

// live runs the tool for a time, or to its end if the time is 0. It returns whether it was killed.
func (s *survivor) live(life time.Duration) (killed bool) {
	s.t.Helper()
	p := start(s.t, nil, "run", "wordcount", "--input", s.input, "--store", s.dir, "--shards", "3")
	if life > 0 {
		select {
		case <-time.After(life):
			_ = p.command.Process.Kill() // it fails where the process has just ended
		case <-p.ended:
		}
	}
	code := p.wait()
	at := resumed(s.t, p.stderr.String())
	for shard, position := range at {
		if position < s.last[shard] {
			s.t.Errorf("%s went on at %d, and had been at %d", shard, position, s.last[shard])
		}
	}
	s.resumptions += len(at)
	if code == -1 {
		for shard, position := range at {
			s.last[shard] = position
		}
		return true
	}
	if code != 0 {
		s.t.Fatalf("after a kill it ended with %d: %s", code, p.stderr.String())
	}
	for shard := range s.last { // who ends has had the time to say so
		if at[shard] == 0 {
			s.t.Errorf("%s began anew, and had gone on at %d: %s", shard, s.last[shard], p.stderr.String())
		}
	}
	same(s.t, p.stdout.String(), s.want)
	return false
}
