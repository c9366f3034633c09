package pipelinetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
)

// CheckShards deals the records of the logs to the shards of their Reads in other ways, and in other orders, and fails the test if
// that shows. build makes the pipeline with a number of shards, from 1 to 4; any Read may have fewer.
//
// As long as no record is late, the final results must be those of all records in one shard; so must be the stable results, but
// for how sessions were asked on their way, and the dead letters. Where records are late, because a deal has brought them out of
// order by more than the seal allows, what is late may differ, and Options.Accounts say that each record is still in exactly one of
// final results and late records. Each deal is also run under one schedule, as Check would.
//
// It returns the outcome of all records in one shard. If so many deals have late records that none could be compared, and there are no
// accounts, it fails: it would have shown nothing.
func CheckShards(t testing.TB, build func(shards int) *pipeline.Pipeline, logs []Log, o Options) Outcome {
	t.Helper()
	outcome, err := RunShards(build, logs, o)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// RunShards is CheckShards for other places than tests.
func RunShards(build func(shards int) *pipeline.Pipeline, logs []Log, o Options) (Outcome, error) {
	d := &dealer{build: build, o: o.withDefaults()}
	for i := range logs {
		for n, data := range logs[i].Messages {
			r := record{read: logs[i].Read, stored: logs[i].stored(n), data: data}
			if n < len(logs[i].Headers) {
				r.headers = logs[i].Headers[n]
			}
			if n < len(logs[i].Producers) {
				r.producer = logs[i].Producers[n]
			}
			if kind := r.headers[seal.Header]; len(kind) > 0 && kind[0] == seal.Key {
				r.seals = r.headers[seal.AttributeHeader][0]
				r.producer = seal.Producer(r.headers)
			}
			d.records = append(d.records, r)
		}
	}
	slices.SortStableFunc(d.records, func(a, b record) int { return a.stored.Compare(b.stored) })
	return d.run()
}

// maxShards is how many shards a deal has at most.
const maxShards = 4

// record is a message that can be dealt to any shard of its Read.
type record struct {
	read   string
	stored time.Time
	data   []byte
	shard  int
	// headers are carried along, but for those of the producer, who numbers the records of each shard.
	headers  map[string][]string
	producer string
	// seals is the attribute if it is no record but a promise about a value of it, which each shard needs.
	seals string
}

// dealer deals records.
type dealer struct {
	build   func(shards int) *pipeline.Pipeline
	o       Options
	records []record // by the time at which they were stored, all in shard 0
}

func (d *dealer) run() (Outcome, error) {
	base, err := d.plain(1, d.records)
	if err != nil {
		return base, err
	}
	compared := 0
	for round := range d.o.Rounds {
		rng := rand.New(rand.NewPCG(d.o.Seed, uint64(round)))
		shards := 1 + rng.IntN(maxShards)
		dealt, err := d.deal(rng, shards)
		if err != nil {
			return base, err
		}
		got, err := d.plain(shards, dealt)
		if err != nil {
			return base, fmt.Errorf("pipelinetest: seed %d, round %d, dealt to %d shards: %w", d.o.Seed, round, shards, err)
		}
		if base.Late+got.Late == 0 {
			compared++
			if err := sameSealed(base, got); err != nil {
				return base, d.shorten(round, shards, dealt, err)
			}
		}
		if err := d.search(shards).rounds(logsOf(dealt), got); err != nil {
			return base, fmt.Errorf("pipelinetest: seed %d, round %d, dealt to %d shards, one schedule of them: %w", d.o.Seed, round, shards, err)
		}
	}
	if compared == 0 && len(d.o.Accounts) == 0 {
		return base, fmt.Errorf("pipelinetest: in each deal records are late, so that none could be compared; in one shard, in the order in which they are stored, %d are; allow more lateness, put the records in order, or give Options.Accounts", base.Late)
	}
	return base, nil
}

// plain runs a deal plainly.
func (d *dealer) plain(shards int, dealt []record) (Outcome, error) {
	return d.search(shards).plain(logsOf(dealt))
}

// search tries one schedule of a deal.
func (d *dealer) search(shards int) *search {
	one := d.o
	one.Rounds = 1
	return newSearch(func() *pipeline.Pipeline { return d.build(shards) }, one)
}

// deal gives each record a shard of its Read, and in every second deal lets some overtake others.
func (d *dealer) deal(rng *rand.Rand, shards int) ([]record, error) {
	p, err := d.build(shards).Plan()
	if err != nil {
		return nil, err
	}
	of := make(map[string]int)
	for _, s := range p.Stages {
		if !s.Exchanged() {
			of[s.Name] = s.Shards
		}
	}
	var dealt []record
	for _, r := range d.records {
		n := max(1, of[r.read])
		if r.seals == "" {
			r.shard = rng.IntN(n)
			dealt = append(dealt, r)
			continue
		}
		for r.shard = range n {
			dealt = append(dealt, r)
		}
	}
	if len(dealt) > 1 && rng.IntN(2) == 0 {
		for range 1 + rng.IntN(len(dealt)) {
			i := rng.IntN(len(dealt) - 1)
			dealt[i], dealt[i+1] = dealt[i+1], dealt[i]
		}
	}
	return dealt, nil
}

func logsOf(dealt []record) (logs []Log) {
	at := make(map[checkpoint.ShardID]int)
	for _, r := range dealt {
		id := checkpoint.ShardID{Stage: r.read, Shard: r.shard}
		i, ok := at[id]
		if !ok {
			i = len(logs)
			at[id], logs = i, append(logs, Log{Read: r.read, Shard: r.shard})
		}
		l := &logs[i]
		if r.seals != "" {
			l.SealKey(r.producer, r.seals, string(r.data))
			l.Times = append(l.Times, r.stored)
			continue
		}
		l.Messages, l.Times = append(l.Messages, r.data), append(l.Times, r.stored)
		l.Headers, l.Producers = append(l.Headers, r.headers), append(l.Producers, r.producer)
	}
	return logs
}

// sameSealed holds two outcomes against each other as far as the deal of the records must not show. What is about a place in a log is
// compared by its content, and stable results about a key without the window: of a session it names an instant inside.
func sameSealed(want, got Outcome) error {
	a, b := lastingOf(want), lastingOf(got)
	if slices.Equal(a, b) {
		return nil
	}
	return broken(differs, "the same records, dealt and ordered in another way, give other results than in one shard:\n%s", difference(a, b))
}

func lastingOf(o Outcome) (lines []string) {
	for _, r := range o.Results {
		switch {
		case !r.About:
			lines = append(lines, fmt.Sprintf("write %s: %s %s", r.Write, r.Verdict, r.Payload))
		case r.Verdict == crdt.Final:
			lines = append(lines, r.String())
		}
	}
	told := make(map[string]bool)
	for _, r := range o.Results {
		if line := fmt.Sprintf("write %s: %s %s about %q", r.Write, r.Verdict, r.Payload, r.Key); r.About && r.Verdict != crdt.Final && !told[line] {
			told[line] = true
			lines = append(lines, line)
		}
	}
	for _, reason := range o.Rejected {
		lines = append(lines, "rejected: "+reason)
	}
	slices.Sort(lines)
	return lines
}

// shorten leaves out records as long as the deal shows.
func (d *dealer) shorten(round, shards int, dealt []record, err error) error {
	end := time.Now().Add(shrinkTime)
	from := len(dealt)
	leaveOut(len(dealt), func(i, to int) bool {
		if time.Now().After(end) {
			return false
		}
		fewer := slices.Concat(dealt[:i], dealt[to:])
		less := d.differ(shards, fewer)
		if less != nil {
			dealt, err = fewer, less
		}
		return less != nil
	})
	h := &History{Pipeline: d.build(1).Name(), Seed: d.o.Seed, Round: round, Owners: 1, Logs: logsOf(dealt)}
	return fmt.Errorf("pipelinetest: seed %d, round %d, dealt to %d shards: %w\nThe shortest deal that shows it has %d of %d records.\n%s", d.o.Seed, round, shards, err, len(dealt), from, h)
}

// differ says how a deal differs from the same records in one shard. It is nil where the two cannot be compared.
func (d *dealer) differ(shards int, dealt []record) error {
	one := slices.Clone(dealt)
	for i := range one {
		one[i].shard = 0
	}
	slices.SortStableFunc(one, func(a, b record) int { return a.stored.Compare(b.stored) })
	want, err := d.plain(1, one)
	var got Outcome
	if err == nil {
		got, err = d.plain(shards, dealt)
	}
	if err == nil && want.Late+got.Late == 0 {
		return sameSealed(want, got)
	}
	return nil
}
