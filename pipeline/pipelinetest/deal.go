package pipelinetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
)

// CheckShards deals the records of the logs to the shards of their Reads in other ways, and in other orders, and fails the test if
// that shows. build makes the pipeline with a number of shards, from 1 to 4; any Read may have fewer.
//
// As long as no record is late, the final results must be those of all records in one shard; so must be the stable results, but
// for how sessions were asked on their way, and the dead letters. Which lower bounds are published may differ. Where records are late, because a deal has brought them out of
// order by more than the seal allows, what is late may differ, and Options.Accounts say that each record is still in exactly one of
// final results and late records. Each deal is also run under one schedule, as Check would.
//
// What it finds it makes short and saves, as Check does; ReplayShards runs that alone.
//
// It returns the outcome of all records in one shard. If so many deals have late records that none could be compared, and there are no
// accounts, it fails: it would have shown nothing.
func CheckShards(t testing.TB, build func(shards int) *pipeline.Pipeline, logs []Log, o Options) Outcome {
	t.Helper()
	err := replaySaved(t, build(1), func(h *History) error {
		_, err := h.RunShards(build, o)
		return err
	})
	var outcome Outcome
	if err == nil {
		outcome, err = RunShards(build, logs, o)
	}
	if err != nil {
		t.Fatal(describe(t, err))
	}
	return outcome
}

// RunShards is CheckShards for other places than tests: it returns the difference that was found, as a *Failure, and saves nothing.
func RunShards(build func(shards int) *pipeline.Pipeline, logs []Log, o Options) (Outcome, error) {
	d := &dealer{build: build, o: o.withDefaults(), records: recordsOf(logs)}
	return d.run()
}

// recordsOf returns the messages of logs by the time at which they were stored, all in shard 0.
func recordsOf(logs []Log) (all []record) {
	for i := range logs {
		for n, data := range logs[i].Messages {
			r := record{read: logs[i].Read, stored: logs[i].stored(n), data: data, promise: logs[i].promise(n)}
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
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b record) int { return a.stored.Compare(b.stored) })
	return all
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
	// promise is the time that it promises, for its producer, in all shards; the zero time if it is no promise.
	promise time.Time
}

// everywhere is the shard of a promise.
const everywhere = -1

// dealer deals records.
type dealer struct {
	build   func(shards int) *pipeline.Pipeline
	o       Options
	records []record // by the time at which they were stored, all in shard 0
}

func (d *dealer) run() (Outcome, error) {
	base, err := d.plain(1, logsOf(d.records, nil))
	if err != nil {
		return base, err
	}
	compared := 0
	for round := range d.o.Rounds {
		rng := rand.New(rand.NewPCG(d.o.Seed, uint64(round)))
		shards := 1 + rng.IntN(maxShards)
		of, err := d.shardsOf(shards)
		if err != nil {
			return base, err
		}
		dealt := d.deal(rng, of)
		logs := logsOf(dealt, of)
		got, err := d.plain(shards, logs)
		if err != nil {
			return base, fmt.Errorf("pipelinetest: seed %d, round %d, dealt to %d shards: %w", d.o.Seed, round, shards, err)
		}
		if base.Late+got.Late == 0 {
			compared++
			if err := sameSealed(base, got); err != nil {
				return base, d.shorten(round, shards, dealt, of, err)
			}
		}
		if err := d.search(shards).rounds(logs, got); err != nil {
			return base, fmt.Errorf("pipelinetest: seed %d, round %d, dealt to %d shards, one schedule of them: %w", d.o.Seed, round, shards, ofShards(err, shards))
		}
	}
	if compared == 0 && len(d.o.Accounts) == 0 {
		return base, fmt.Errorf("pipelinetest: in each deal records are late, so that none could be compared; in one shard, in the order in which they are stored, %d are; allow more lateness, put the records in order, or give Options.Accounts", base.Late)
	}
	return base, nil
}

// plain runs the logs of a deal plainly.
func (d *dealer) plain(shards int, logs []Log) (Outcome, error) { return d.search(shards).plain(logs) }

// search tries one schedule of a deal.
func (d *dealer) search(shards int) *search {
	one := d.o
	one.Rounds = 1
	return newSearch(func() *pipeline.Pipeline { return d.build(shards) }, one)
}

// shardsOf returns how many shards each Read has.
func (d *dealer) shardsOf(shards int) (map[string]int, error) {
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
	return of, nil
}

// deal gives each record a shard of its Read, and in every second deal lets some overtake others.
func (d *dealer) deal(rng *rand.Rand, of map[string]int) []record {
	dealt := slices.Clone(d.records)
	for i := range dealt {
		if dealt[i].shard = rng.IntN(max(1, of[dealt[i].read])); !dealt[i].promise.IsZero() || dealt[i].seals != "" {
			dealt[i].shard = everywhere
		}
	}
	if len(dealt) > 1 && rng.IntN(2) == 0 {
		for range 1 + rng.IntN(len(dealt)) {
			i := rng.IntN(len(dealt) - 1)
			dealt[i], dealt[i+1] = dealt[i+1], dealt[i]
		}
	}
	return dealt
}

// logsOf returns the logs of a deal, where each Read has so many shards.
func logsOf(dealt []record, of map[string]int) (logs []Log) {
	at := make(map[checkpoint.ShardID]int)
	add := func(r *record, shard int) {
		id := checkpoint.ShardID{Stage: r.read, Shard: shard}
		i, ok := at[id]
		if !ok {
			i = len(logs)
			at[id], logs = i, append(logs, Log{Read: r.read, Shard: shard})
		}
		l := &logs[i]
		if r.seals != "" {
			l.SealKey(r.producer, r.seals, string(r.data))
			l.Times = append(l.Times, r.stored)
			return
		}
		l.Messages, l.Times = append(l.Messages, r.data), append(l.Times, r.stored)
		l.Headers, l.Producers, l.Promises = append(l.Headers, r.headers), append(l.Producers, r.producer), append(l.Promises, r.promise)
	}
	for i := range dealt {
		if r := &dealt[i]; r.shard != everywhere {
			add(r, r.shard)
			continue
		}
		for shard := range max(1, of[dealt[i].read]) {
			add(&dealt[i], shard)
		}
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
	o.Results = slices.DeleteFunc(slices.Clone(o.Results), func(r Result) bool { return r.Verdict == crdt.LowerBound }) // by chance: see byChance
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
func (d *dealer) shorten(round, shards int, dealt []record, of map[string]int, err error) error {
	f := &Failure{Err: err, Messages: len(dealt)}
	end := time.Now().Add(shrinkTime)
	leaveOut(len(dealt), func(i, to int) bool {
		if time.Now().After(end) {
			return false
		}
		fewer := slices.Concat(dealt[:i], dealt[to:])
		less := d.differ(shards, logsOf(fewer, of))
		if less != nil {
			dealt, f.Err = fewer, less
		}
		return less != nil
	})
	f.History = &History{Pipeline: d.build(1).Name(), Seed: d.o.Seed, Round: round, Owners: 1, Shards: shards, Logs: logsOf(dealt, of)}
	return f
}

// differ says how the logs of a deal differ from the same records in one shard. It is nil where the two cannot be compared.
func (d *dealer) differ(shards int, logs []Log) error {
	want, err := d.plain(1, logsOf(recordsOf(logs), nil)) // where a promise comes again, which says nothing new
	var got Outcome
	if err == nil {
		got, err = d.plain(shards, logs)
	}
	if err == nil && want.Late+got.Late == 0 {
		return sameSealed(want, got)
	}
	return nil
}

// ofShards says of a failure under a schedule to how many shards the messages were dealt.
func ofShards(err error, shards int) error {
	if f := (*Failure)(nil); errors.As(err, &f) {
		f.History.Shards = shards
	}
	return err
}

// unnumbered returns logs whose records are numbered, and whose promises are counted, anew wherever they are dealt: as text they have the
// headers that they had.
func unnumbered(logs []Log) []Log {
	logs = slices.Clone(logs)
	for i := range logs {
		l := &logs[i]
		old := l.Headers
		l.Headers, l.Producers, l.Promises = nil, make([]string, len(l.Messages)), make([]time.Time, len(l.Messages))
		for n := range l.Messages {
			var h map[string][]string
			if n < len(old) {
				h = maps.Clone(old[n])
			}
			_, err := seal.Sequence(h)
			if made, wrong := seal.ReadPromise(h); wrong == nil && made.Before != plan.End {
				l.Producers[n], l.Promises[n] = seal.Producer(h), time.Unix(0, made.Before)
			} else if err == nil {
				l.Producers[n] = seal.Producer(h)
			}
			if l.Producers[n] != "" {
				for _, name := range []string{seal.ProducerHeader, seal.SequenceHeader, seal.CountHeader, seal.DigestHeader} {
					delete(h, name)
				}
				if !l.Promises[n].IsZero() {
					delete(h, seal.Header)
				}
			}
			l.Headers = append(l.Headers, h)
		}
	}
	return logs
}
