package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// onKeys builds a pipeline over clicks by ad, whose producers are given.
func onKeys(build func(p *pipeline.Pipeline, ads operators.Keyed[string, string]), producers ...string) *pipeline.Pipeline {
	p := pipeline.New("clicks")
	in := pipeline.Read(p, "clicks", pipeline.Source[string]{Stream: "CLICKS", Subjects: []string{"clicks.0", "clicks.1"}, Producers: producers, Decode: pipeline.Text})
	build(p, operators.KeyBy(in, "ad", func(s string) string { return s }))
	return p
}

func writeCounts(p *pipeline.Pipeline, in operators.Keyed[string, string], when operators.Sealing) {
	finals := operators.Finals(operators.Seal(operators.Count("counts", in), when))
	pipeline.Write(p, "out", finals, sinks.Func{Name: "out"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) { return nil, nil })
}

func campaign(ad string) string { return ad[:1] }

// A seal on an attribute is refused where it does not say that a key is complete, with the reason and what would repair it.
func TestSealsThatAreNotOfTheKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		build     func(p *pipeline.Pipeline, ads operators.Keyed[string, string])
		producers []string
		want      []string
	}{
		"another attribute": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			writeCounts(p, ads, operators.Keys("campaign"))
		}, []string{"north"}, []string{`label Run, because its keys are those of "ad", and nothing says that each of them has one "campaign"`, `operators.Keys("ad")`, `key by "campaign"`, "operators.Determines"}},
		"a dependency the other way": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			campaigns := operators.Determines(operators.KeyBy(operators.Records(ads), "campaign", campaign), "region", campaign)
			writeCounts(p, campaigns, operators.Keys("ad"))
		}, []string{"north"}, []string{`its keys are those of "campaign"`}},
		"windows": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			writeCounts(p, operators.Window(ads, operators.Tumbling(time.Minute)), operators.Keys("ad"))
		}, []string{"north"}, []string{"it has windows (tumbling 1m0s), which are complete by time and not by ad"}},
		"sessions": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			writeCounts(p, operators.Window(ads, operators.Sessions(time.Minute)), operators.Keys("ad"))
		}, []string{"north"}, []string{"it has windows"}},
		"nobody to promise": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			writeCounts(p, ads, operators.Keys("ad"))
		}, nil, []string{"nobody can promise anything for read clicks", "Source.Producers"}},
		"no name": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			writeCounts(p, ads, operators.Keys(""))
		}, []string{"north"}, []string{"the name of the attribute must be"}},
		"behind another state": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			many := operators.Threshold(operators.Count("first", ads), crdt.AtLeast(2))
			writeCounts(p, operators.KeyBy(many, "ad", campaign), operators.Keys("ad"))
		}, []string{"north"}, []string{"count first", "stands between it and its input"}},
		"a table": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			pairs := operators.Lookup("pairs", ads, operators.TableOf(ads, nil), operators.Keys("ad"), func(a, b string) string { return a })
			pipeline.Write(p, "out", pairs, sinks.Func{Name: "out"}, pipeline.EncodeText)
		}, []string{"north"}, []string{"it is for the states of keys"}},
		"two rules": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			counts := operators.Count("counts", ads)
			for i, when := range []operators.Sealing{operators.Keys("ad"), operators.EndOfInput()} {
				pipeline.Write(p, fmt.Sprint("out", i), operators.Finals(operators.Seal(counts, when)), sinks.Func{Name: fmt.Sprint(i)}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) { return nil, nil })
			}
		}, []string{"north"}, []string{"a state has one rule"}},
		"what determines itself": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			writeCounts(p, operators.Determines(ads, "ad", campaign), operators.Keys("ad"))
		}, []string{"north"}, []string{"determines: ad is the key itself"}},
		"determined twice": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			writeCounts(p, operators.Determines(operators.Determines(ads, "campaign", campaign), "campaign", campaign), operators.Keys("campaign"))
		}, []string{"north"}, []string{"declared already"}},
		"no functions": {func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			operators.Determines[string, string](ads, "campaign", nil)
			operators.AssertDetermines[string, string](ads, "campaign", campaign, nil)
			operators.Determines(ads, "no name", campaign)
			writeCounts(p, ads, operators.Keys("ad"))
		}, []string{"north"}, []string{": determines: the function is nil", "assert-determines: the function is nil", `the name "no name" must be`}},
	} {
		err := onKeys(c.build, c.producers...).Err()
		for _, want := range append(c.want, "keys_seal_test.go:") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: want an error with %q, got %v", name, want, err)
			}
		}
	}
}

// The plan shows on which attribute an input is sealed, what the state waits for, and that another run would give the same.
func TestSealsOfKeysAreExplained(t *testing.T) {
	t.Parallel()
	build := func(determines bool) *pipeline.Pipeline {
		return onKeys(func(p *pipeline.Pipeline, ads operators.Keyed[string, string]) {
			attribute := "ad"
			if determines {
				attribute = "campaign"
				operators.AssertDetermines(ads, attribute, campaign, campaign)
			}
			writeCounts(p, ads, operators.Keys(attribute))
		}, "south", "north")
	}
	text, err := build(true).Explain()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"yields: unbounded, order: log, no duplicates, Seal_campaign, stable",
		"yields: unbounded, order: log, no duplicates, Seal_campaign, by ad\n",
		"key-by ad                    asserted: determines campaign; from #0",
		"values of campaign, by promises of the registered producers",
		"out: final, label Async: another run over the same inputs gives the same",
		"waits for all 2 shards of clicks to hold the promises of all producers (north, south) for the campaign of a key, and what they cover",
		"it can change until the campaign of its key is complete; Seal_campaign is compatible, since ad determines it",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan does not say %q:\n%s", want, text)
		}
	}
	one, two := build(true), build(false)
	if text, err := two.Explain(); err != nil || !strings.Contains(text, "Seal_ad is compatible, since it is the key") {
		t.Errorf("%v\n%s", err, text)
	}
	a, _ := one.Fingerprint()
	b, _ := two.Fingerprint()
	if a == b {
		t.Error("the attribute of a seal is not part of the fingerprint")
	}
	d, err := one.Document()
	if err != nil || len(d.PointsOfOrder) != 1 || d.Operators[len(d.Operators)-1].Label != "Async" {
		t.Errorf("%v: %+v", err, d)
	}
}
