package scenarios_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// matrix are scenarios of each kind, with inputs that do not depend on how they are dealt.
func matrix() map[string]struct {
	program
	in []string
} {
	type row = struct {
		program
		in []string
	}
	var votes, readings []string
	for i := range 20 {
		votes = append(votes, fmt.Sprint("a voter", i%6), fmt.Sprint("b voter", i%4))
		readings = append(readings, fmt.Sprint(i, " s", i%3))
	}
	return map[string]row{
		"threshold": {func(p *pipeline.Pipeline, shards int) {
			g := graphs(p, shards)
			write(p, "deadlock", operators.Threshold(g, reachable("1", "1")))
		}, randomGraph(3, 4, 12)},
		"votes": {func(p *pipeline.Pipeline, shards int) {
			voters := operators.Distinct("voters", by(lines(p, shards), "ballot", 0), func(line string) string { return word(line, 1) })
			write(p, "decided", operators.Threshold(voters, crdt.SizeAtLeast[string](5)))
			writeFinals(p, "turnout", operators.Seal(voters, operators.EndOfInput()), func(f operators.Final[string, crdt.GSet[string]]) string {
				return fmt.Sprint(f.Key, " ", f.Value.Len())
			})
		}, votes},
		"window":   {windowed, readings},
		"manifest": {campaigns, []string{"car servers north,south", "car north 0 car1", "car south 0 car1", "car south 1 car2", "car south done 2", "car north done 1"}},
		"end":      {disorderly, []string{"s 2 -pear", "s 0 +apple", "s 3 +plum", "s 1 +pear"}},
		"steps":    {destructive(3), []string{"s 2 -pear", "s 0 +apple", "s 1 +pear"}},
	}
}

// 21. The zombie matrix: scenarios of each kind, with one to four owners of each shard at once, that crash anywhere and start
// again from any checkpoint. A result is known by its identity, and has one content whoever produced it.
func TestZombies(t *testing.T) {
	t.Parallel()
	for name, row := range matrix() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for shards := 1; shards <= 3; shards++ {
				contents := map[string]string{}
				for owners := 1; owners <= 4; owners++ {
					out := pipelinetest.Check(t, row.with(shards), deal(shards, row.in), pipelinetest.Options{Owners: owners, Rounds: 20})
					now := map[string]string{}
					for _, r := range out.Results {
						now[r.Write+" "+r.Identity] = r.Payload
					}
					if owners == 1 {
						contents = now
					}
					if len(now) == 0 || !maps.Equal(now, contents) {
						t.Errorf("%d shards, %d owners: %v and %v", shards, owners, now, contents)
					}
				}
			}
		})
	}
}

// Resharding: the records are dealt to other shards, in other orders, and the results are the same.
func TestZombiesReshard(t *testing.T) {
	t.Parallel()
	for name, row := range matrix() {
		if name == "steps" {
			continue // its seals are those of the end, as in "end", and it is slow
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			build := func(shards int) *pipeline.Pipeline { return row.with(shards)() }
			if out := pipelinetest.CheckShards(t, build, deal(1, row.in), pipelinetest.Options{Owners: 3, Rounds: 30}); len(out.Results) == 0 {
				t.Error("no results")
			}
		})
	}
}

// A bump of the version is another pipeline, with identities of its own: what the old one leaves behind is never taken for its work.
func TestZombiesOfAnOldVersion(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, row := range matrix() {
		for _, version := range []string{"", "2"} {
			p := row.with(2)()
			p.Version = version
			fingerprint, err := p.Fingerprint()
			if err != nil {
				t.Fatal(err)
			}
			if other, ok := seen[fingerprint]; ok {
				t.Errorf("%s, version %q, and %s have the fingerprint %s", name, version, other, fingerprint)
			}
			seen[fingerprint] = name + version
		}
	}
	if len(seen) != 2*len(matrix()) {
		t.Errorf("got %v", slices.Sorted(maps.Values(seen)))
	}
}
