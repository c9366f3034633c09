package operators_test

import (
	"fmt"
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// clicksOfServers reads clicks "campaign/ad" of two servers.
func clicksOfServers(p *pipeline.Pipeline) operators.Keyed[string, string] {
	clicks := pipeline.Read(p, "clicks", pipeline.Source[string]{Stream: "CLICKS", Producers: []string{"north", "south"}, Decode: pipeline.Text})
	return operators.KeyBy(clicks, "ad", func(s string) string { return s })
}

// failing stands for the test that a Driver belongs to.
type failing struct{}

func (failing) Helper()                        {}
func (failing) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

func showCount(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
	return fmt.Appendf(nil, "%s: %d", f.Key, f.Value.Value()), nil
}

// Two servers publish clicks and promise each campaign when it is over. The clicks of its ads are final then, whatever the other
// campaigns do: the south has promised the cars, and not the pens.
func ExampleKeys() {
	d := pipelinetest.NewDriver(failing{}, func() *pipeline.Pipeline {
		p := pipeline.New("ads")
		ads := operators.Determines(clicksOfServers(p), "campaign", func(ad string) string {
			campaign, _, _ := strings.Cut(ad, "/")
			return campaign
		})
		clicks := operators.Count("counts", ads)
		pipeline.Write(p, "out", operators.Finals(operators.Seal(clicks, operators.Keys("campaign"))), out, showCount)
		return p
	}())
	show := func() {
		for _, r := range d.Results("out") {
			fmt.Println(r.Verdict, r.Payload)
		}
	}
	for _, click := range []string{"north cars/red", "south cars/red", "north pens/ink", "south cars/blue", "south pens/ink"} {
		server, ad, _ := strings.Cut(click, " ")
		d.PushMessage("clicks", pipelinetest.Message{Producer: server, Data: []byte(ad)})
	}
	d.SealKey("clicks", "north", "campaign", "cars")
	d.SealKey("clicks", "north", "campaign", "pens")
	d.SealKey("clicks", "south", "campaign", "cars")
	show()
	d.PushMessage("clicks", pipelinetest.Message{Producer: "south", Data: []byte("cars/red")})
	for _, r := range d.Rejected() {
		fmt.Println(r.Reason)
	}
	d.SealKey("clicks", "south", "campaign", "pens")
	show()
	// Output:
	// final cars/blue: 1
	// final cars/red: 2
	// late: campaign "cars" was sealed before it came, since all producers had promised that it was complete in its shard
	// final pens/ink: 2
}

// Without the declaration that an ad has one campaign, a seal on the campaign says nothing of an ad, and the plan refuses it.
func ExampleDetermines() {
	build := func(say bool) error {
		p := pipeline.New("ads")
		ads := clicksOfServers(p)
		if say {
			ads = operators.Determines(ads, "campaign", func(ad string) string { return ad[:4] })
		}
		clicks := operators.Count("counts", ads)
		pipeline.Write(p, "out", operators.Finals(operators.Seal(clicks, operators.Keys("campaign"))), out, showCount)
		return p.Err()
	}
	_, reason, _ := strings.Cut(build(false).Error(), "because ")
	reason, _, _ = strings.Cut(reason, ":")
	fmt.Println(reason)
	fmt.Println(build(true))
	// Output:
	// its keys are those of "ad", and nothing says that each of them has one "campaign"
	// <nil>
}

// A table of the ads says which campaign each belongs to, and so do the clicks: one that disagrees is a dead letter.
func ExampleAssertDetermines() {
	campaigns := map[string]string{"red": "cars", "ink": "pens"}
	d := pipelinetest.NewDriver(failing{}, func() *pipeline.Pipeline {
		p := pipeline.New("ads")
		clicks := pipeline.Read(p, "clicks", pipeline.Source[string]{Stream: "CLICKS", Producers: []string{"north"}, Decode: pipeline.Text})
		ads := operators.KeyBy(clicks, "ad", func(s string) string { return token(s, 1) })
		ads = operators.AssertDetermines(ads, "campaign", func(ad string) string { return campaigns[ad] }, func(s string) string { return token(s, 0) })
		pipeline.Write(p, "out", operators.Finals(operators.Seal(operators.Count("counts", ads), operators.Keys("campaign"))), out, showCount)
		return p
	}())
	for _, click := range []string{"cars red", "pens red", "pens ink"} {
		d.PushMessage("clicks", pipelinetest.Message{Producer: "north", Data: []byte(click)})
	}
	for _, r := range d.Rejected() {
		fmt.Println(r.Reason)
	}
	// Output:
	// the record says that its campaign is "pens", but that of its ad is "cars": what operators.AssertDetermines claims is not so
}
