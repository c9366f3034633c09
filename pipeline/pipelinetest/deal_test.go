package pipelinetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// counted is a pipeline whose results say how many records they are made of.
func counted(lateness time.Duration) func(shards int) *pipeline.Pipeline {
	return func(shards int) *pipeline.Pipeline {
		p := pipeline.New("counted")
		counts := operators.Count("counts", operators.Window(bySensor(read(p, shards)), operators.Tumbling(10*time.Second)))
		pipeline.Write(p, "three", operators.Threshold(counts, crdt.AtLeast(3)), nowhere("three"), pipeline.EncodeText)
		pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.Watermark(lateness))), nowhere("counts"), encodeSum)
		return p
	}
}

// records reads the count that a result shows.
func records(r pipelinetest.Result) (n uint64, err error) {
	_, err = fmt.Sscan(r.Payload, &n)
	return n, err
}

// However the records are dealt to shards, the sealed results are those of a naive model, and none is lost where some are late.
func TestDealsDoNotMatter(t *testing.T) {
	t.Parallel()
	in := logs(2, 50)
	account := []pipelinetest.Account{{Write: "counts", Records: records}}
	out := pipelinetest.CheckShards(t, counted(time.Minute), in, pipelinetest.Options{Rounds: 10, Accounts: account})
	if out.Late != 0 || total(t, out, "counts") != uint64(2*50-len(out.Rejected)) {
		t.Errorf("%d late, %d counted, %d rejected", out.Late, total(t, out, "counts"), len(out.Rejected))
	}
	out = pipelinetest.CheckShards(t, counted(0), in, pipelinetest.Options{Rounds: 10, Accounts: account})
	if out.Late == 0 {
		t.Error("with no lateness nothing was late")
	}
	_, err := pipelinetest.RunShards(counted(0), in, pipelinetest.Options{Rounds: 3})
	if err == nil || !strings.Contains(err.Error(), "none could be compared") {
		t.Errorf("a check that checks nothing: %v", err)
	}
}

// Sessions, joins and passed on records come out of any deal.
func TestDealsOfOtherOperatorsDoNotMatter(t *testing.T) {
	t.Parallel()
	in := logs(2, 40)
	for i := range in {
		in[i].Messages = append(in[i].Messages[:12:12], in[i].Messages[13:]...) // the first late one
		in[i].Messages = in[i].Messages[:20]
	}
	pipelinetest.CheckShards(t, func(shards int) *pipeline.Pipeline {
		p := pipeline.New("others")
		all := read(p, shards)
		pipeline.Write(p, "all", all, nowhere("all"), pipeline.EncodeJSON)
		sums := operators.Sum("sums", operators.Window(bySensor(all), operators.Sessions(4*time.Second)), valueIn)
		pipeline.Write(p, "some", operators.Threshold(sums, crdt.AtLeast(1)), nowhere("some"), pipeline.EncodeText)
		pipeline.Write(p, "sums", operators.Finals(operators.Seal(sums, operators.Watermark(time.Hour))), nowhere("sums"), encodeSession)
		hops := operators.Sum("hops", operators.Window(bySensor(all), operators.Hopping(10*time.Second, 5*time.Second)), valueIn)
		pipeline.Write(p, "hops", operators.TopK("top", operators.Seal(hops, operators.Watermark(time.Hour)), 2, (*crdt.GCounter).Value), nowhere("hops"), pipeline.EncodeJSON)
		return p
	}, in, pipelinetest.Options{Rounds: 10})
}

// arrival keeps the value that came first, whatever the values: its Merge does not commute.
type arrival struct{ crdt.Max[uint64] }

func (a *arrival) Merge(other *arrival) bool {
	if _, ok := a.Value(); ok {
		return false
	}
	return a.Max.Merge(&other.Max)
}

func liftArrival(r reading) (a arrival) {
	a.Max = crdt.MaxOf(r.Value)
	return a
}

func encodeArrival(f operators.Final[string, arrival]) ([]byte, error) {
	v, _ := f.Value.Value()
	return fmt.Append(nil, v), nil
}

// In one shard what comes first is decided by the log, so that schedules do not show that a Merge depends on it. Deals do.
func TestDealsFindWhatSchedulesDoNot(t *testing.T) {
	t.Parallel()
	build := func(shards int) *pipeline.Pipeline {
		p := pipeline.New("arrival")
		first := operators.Aggregate("first", bySensor(read(p, shards)), liftArrival)
		pipeline.Write(p, "first", operators.Finals(operators.Seal(first, operators.EndOfInput())), nowhere("first"), encodeArrival)
		return p
	}
	in := logs(1, 30)
	pipelinetest.Check(t, func() *pipeline.Pipeline { return build(1) }, in, pipelinetest.Options{Rounds: 20})
	_, err := pipelinetest.RunShards(build, in, pipelinetest.Options{Seed: 1})
	if err == nil || !strings.Contains(err.Error(), "has 2 of 30 records") {
		t.Errorf("got %v", err)
	}
}
