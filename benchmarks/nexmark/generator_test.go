package nexmark_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
)

// events returns all events of a Config in the order in which they are emitted.
func events(t testing.TB, c nexmark.Config) []nexmark.Event {
	t.Helper()
	seq, err := c.All()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]nexmark.Event, 0, c.Events)
	for _, e := range seq {
		out = append(out, e)
	}
	if uint64(len(out)) != c.Events {
		t.Fatalf("%d events, want %d", len(out), c.Events)
	}
	return out
}

// The events of a seed are for ever: results that others have published are about them.
func TestTheEventsOfASeedStay(t *testing.T) {
	t.Parallel()
	digest := func(c nexmark.Config) string {
		h := sha256.New()
		for _, e := range events(t, c) {
			h.Write(e.AppendJSON(nil))
		}
		return hex.EncodeToString(h.Sum(nil)[:8])
	}
	for _, want := range []struct {
		config nexmark.Config
		digest string
	}{
		{nexmark.Config{Seed: 1, Events: 5000}, "8680f8ac4cb66d28"},
		{nexmark.Config{Seed: 2, Events: 5000, Rate: nexmark.OfficialRate, Generators: 8, OutOfOrder: 64}, "b422480807950043"},
	} {
		if got := digest(want.config); got != want.digest {
			t.Errorf("%+v: the digest is %s, and was %s", want.config, got, want.digest)
		}
	}
	first := events(t, nexmark.Config{Seed: 1, Events: 2})
	if got := string(first[1].AppendJSON(nil)); !strings.HasPrefix(got, `{"id":1,"auction":{"id":1000,"itemName":"`) {
		t.Errorf("the first auction is %s", got)
	}
}

func TestAnEventIsAFunctionOfItsNumber(t *testing.T) {
	t.Parallel()
	c := nexmark.Config{Seed: 7, Events: 3000, OutOfOrder: 10, Generators: 3}
	again := make(map[uint64]nexmark.Event)
	for i := range 3 {
		g, err := c.Part(i)
		if err != nil {
			t.Fatal(err)
		}
		for n := g.Len(); n > 0; n-- {
			e := g.Event(n - 1)
			again[e.ID] = e
		}
	}
	for _, e := range events(t, c) {
		if !reflect.DeepEqual(e, again[e.ID]) {
			t.Fatalf("event %d is %s, and backwards %s", e.ID, e.AppendJSON(nil), again[e.ID].AppendJSON(nil))
		}
	}
	if len(again) != 3000 {
		t.Errorf("%d ids for 3000 events", len(again))
	}
}

func TestJSONIsThatOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, e := range events(t, nexmark.Config{Seed: 3, Events: 2000}) {
		var standard strings.Builder
		encoder := json.NewEncoder(&standard)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(e); err != nil {
			t.Fatal(err)
		}
		if got := string(e.AppendJSON(nil)) + "\n"; got != standard.String() {
			t.Fatalf("got  %swant %s", got, standard.String())
		}
	}
}

func TestKindsAndIDs(t *testing.T) {
	t.Parallel()
	var people, auctions, bids int64
	for i, e := range events(t, nexmark.Config{Events: 50_000}) {
		switch {
		case e.ID != uint64(i):
			t.Fatalf("event %d has id %d", i, e.ID)
		case e.Person != nil && e.Auction == nil && e.Bid == nil:
			if people++; e.Person.ID != 999+people || i%50 != 0 {
				t.Fatalf("event %d is person %d, and %d people before", i, e.Person.ID, people-1)
			}
		case e.Auction != nil && e.Bid == nil:
			if auctions++; e.Auction.ID != 999+auctions {
				t.Fatalf("event %d is auction %d, and %d auctions before", i, e.Auction.ID, auctions-1)
			}
		case e.Bid != nil:
			bids++
		default:
			t.Fatalf("event %d is nothing", i)
		}
	}
	if people != 1000 || auctions != 3000 || bids != 46_000 {
		t.Errorf("%d people, %d auctions and %d bids; want them as 1 to 3 to 46", people, auctions, bids)
	}
}

// share is how often something is so.
type share struct{ so, of float64 }

func (s *share) add(so bool) {
	s.of++
	if so {
		s.so++
	}
}

// within checks a share against what it is in the original, to four standard deviations.
func (s *share) within(t *testing.T, what string, want float64) {
	t.Helper()
	if got, off := s.so/s.of, 4*math.Sqrt(want*(1-want)/s.of); math.Abs(got-want) > off+0.0005 {
		t.Errorf("%s: %.4f of %.0f, want %.4f", what, got, s.of, want)
	}
}

func TestBidsAreDistributedAsInTheOriginal(t *testing.T) {
	t.Parallel()
	var hotAuction, hotBidder, absent, cheap, dear, hotChannel, linked, selected share
	var size float64
	lastAuction, lastPerson := int64(999), int64(999)
	for _, e := range events(t, nexmark.Config{Seed: 5, Events: 150_000}) {
		switch {
		case e.Person != nil:
			lastPerson = e.Person.ID
		case e.Auction != nil:
			lastAuction = e.Auction.ID
		case e.ID >= 100_000: // where a hundred auctions and a thousand people are in play
			b := e.Bid
			hotAuction.add(b.Auction == (lastAuction-1000)/100*100+1000)
			hotBidder.add(b.Bidder == (lastPerson-1000)/100*100+1001)
			absent.add(b.Auction > lastAuction)
			cheap.add(b.Price < 1e4)
			dear.add(b.Price >= 1e6)
			selected.add(float64(b.Price)*0.908 > 1e6 && float64(b.Price)*0.908 < 5e7)
			cold := strings.HasPrefix(b.Channel, "channel-")
			if hotChannel.add(!cold); cold {
				linked.add(strings.Contains(b.URL, "&channel_id="))
			} else if strings.Contains(b.URL, "channel_id") {
				t.Fatalf("a hot channel has the address %s", b.URL)
			}
			if len(b.Extra) < 54 || len(b.Extra) > 81 || b.Price < 100 || b.Price > 1e8 {
				t.Fatalf("bid %s", e.AppendJSON(nil))
			}
			if b.Auction < lastAuction-100 || b.Auction > lastAuction+10 && b.Auction%100 != 0 || b.Bidder > lastPerson+10 {
				t.Fatalf("auction %d was the last, person %d, and there is the bid %s", lastAuction, lastPerson, e.AppendJSON(nil))
			}
			size += float64(32 + len(b.Extra))
		}
	}
	hotAuction.within(t, "bids for the hot auction", 0.5+0.5/111*2/3)
	hotBidder.within(t, "bids of the hot bidder", 0.75+0.25/1010)
	absent.within(t, "bids for what is not there yet", 0.0452)
	cheap.within(t, "bids below 100", 1./3)
	dear.within(t, "bids from 10000", 1./3)
	selected.within(t, "bids of query 14", 0.283)
	hotChannel.within(t, "hot channels", 0.5)
	linked.within(t, "other channels with an id", 0.9)
	if mean := size / hotAuction.of; math.Abs(mean-100) > 1 {
		t.Errorf("a bid has %.1f bytes, want 100", mean)
	}
}

func TestAuctionsAndPeopleAreDistributedAsInTheOriginal(t *testing.T) {
	t.Parallel()
	var hotSeller, inState, category share
	var sales, persons, saleBytes, personBytes, life float64
	lastPerson := int64(0)
	for _, e := range events(t, nexmark.Config{Seed: 6, Events: 150_000}) {
		switch {
		case e.Person != nil:
			p := e.Person
			lastPerson = p.ID
			inState.add(p.State == "OR" || p.State == "ID" || p.State == "CA")
			personBytes += float64(8 + len(p.Name) + len(p.EmailAddress) + len(p.CreditCard) + len(p.City) + len(p.State) + len(p.Extra))
			persons++
		case e.Auction != nil:
			a := e.Auction
			if e.ID >= 50_000 {
				hotSeller.add(a.Seller == (lastPerson-1000)/100*100+1000)
			}
			category.add(a.Category == 10)
			if a.Category < 10 || a.Category > 14 || a.Reserve <= a.InitialBid || a.Expires <= a.DateTime || a.Seller > lastPerson+10 {
				t.Fatalf("auction %s", e.AppendJSON(nil))
			}
			saleBytes += float64(8 + len(a.ItemName) + len(a.Description) + 40 + len(a.Extra))
			life += float64(a.Expires - a.DateTime)
			sales++
		}
	}
	hotSeller.within(t, "hot sellers", 0.75+0.25/1010)
	inState.within(t, "people in three of six states", 0.5)
	category.within(t, "auctions of category 10", 0.2)
	for _, x := range []struct {
		what      string
		got, want float64
	}{
		{"bytes of an auction", saleBytes / sales, 500},
		{"bytes of a person", personBytes / persons, 200},
		{"milliseconds that an auction lives", life / sales, 167},
	} {
		if math.Abs(x.got-x.want) > x.want/50 {
			t.Errorf("%s: %.1f, want %.1f", x.what, x.got, x.want)
		}
	}
}

func TestEventTime(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		config nexmark.Config
		last   time.Duration // of the last event behind the first
	}{
		{nexmark.Config{Events: 10_001}, time.Second},
		{nexmark.Config{Events: 1001, Rate: nexmark.LongRate}, 10 * time.Second},
		{nexmark.Config{Events: 80_008, Rate: nexmark.OfficialRate, Generators: 8}, 8 * time.Millisecond},
	} {
		all := events(t, x.config)
		if !all[0].Time().Equal(nexmark.Base) {
			t.Errorf("%+v: begins at %v", x.config, all[0].Time())
		}
		if last := all[len(all)-1].Time().Sub(nexmark.Base); last != x.last {
			t.Errorf("%+v: ends after %v, want %v", x.config, last, x.last)
		}
		if !slices.IsSortedFunc(all, func(a, b nexmark.Event) int { return a.Time().Compare(b.Time()) }) {
			t.Errorf("%+v: not in the order of time", x.config)
		}
	}
	// At the official rate an auction is over before most bids for it have come.
	var life, n float64
	for _, e := range events(t, nexmark.Config{Events: 80_000, Rate: nexmark.OfficialRate, Generators: 8}) {
		if a := e.Auction; a != nil {
			if a.Expires-a.DateTime < 1 || a.Expires-a.DateTime > 4 {
				t.Fatalf("an auction of %d ms", a.Expires-a.DateTime)
			}
			life, n = life+float64(a.Expires-a.DateTime), n+1
		}
	}
	if mean := life / n; math.Abs(mean-1.83) > 0.05 {
		t.Errorf("an auction lives %.2f ms, want 1.83", mean)
	}
}

func TestGroupsAreOutOfOrderAndWhole(t *testing.T) {
	t.Parallel()
	ordered := events(t, nexmark.Config{Seed: 9, Events: 5030})
	c := nexmark.Config{Seed: 9, Events: 5030, OutOfOrder: 100}
	g, err := c.Part(0)
	if err != nil {
		t.Fatal(err)
	}
	shuffled := events(t, c)
	for n, e := range shuffled {
		want := uint64(n)
		if n < 5000 {
			want = uint64(n/100*100 + n*953%100)
		}
		if e.ID != want {
			t.Fatalf("number %d is event %d, want %d", n, e.ID, want)
		}
		if mark := g.Watermark(uint64(n)); slices.ContainsFunc(shuffled[n+1:min(n+200, len(shuffled))], func(e nexmark.Event) bool { return e.Time().Before(mark) }) {
			t.Fatalf("behind number %d an event comes from before its watermark", n)
		}
	}
	slices.SortFunc(shuffled, func(a, b nexmark.Event) int { return int(a.ID) - int(b.ID) })
	if !reflect.DeepEqual(shuffled, ordered) {
		t.Error("the events are not those in order")
	}
}

func TestPartsHaveEachEventOnce(t *testing.T) {
	t.Parallel()
	c := nexmark.Config{Seed: 4, Events: 1003, Generators: 4}
	var next uint64
	for i := range 4 {
		g, err := c.Part(i)
		if err != nil {
			t.Fatal(err)
		}
		if want := uint64(250 + i/3*3); g.Len() != want {
			t.Errorf("part %d has %d events, want %d", i, g.Len(), want)
		}
		if first := g.Event(0); !first.Time().Equal(nexmark.Base) {
			t.Errorf("part %d begins at %v", i, first.Time())
		}
		for n := range g.Len() {
			if e := g.Event(n); e.ID != next {
				t.Fatalf("part %d: number %d is event %d, want %d", i, n, e.ID, next)
			}
			next++
		}
	}
	if next != 1003 {
		t.Errorf("%d events in all parts", next)
	}
}

func TestConfigsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		config nexmark.Config
		want   string
	}{
		{nexmark.Config{Events: 1<<40 + 1}, "events"},
		{nexmark.Config{Rate: 1e9 + 1}, "a second"},
		{nexmark.Config{Generators: -1}, "generators"},
		{nexmark.Config{Generators: 1025}, "generators"},
		{nexmark.Config{OutOfOrder: 953}, "953"},
		{nexmark.Config{OutOfOrder: 1<<20 + 1}, "out of order"},
		{nexmark.Config{Events: 1 << 40, Rate: 1}, "50 years"},
	} {
		for _, err := range []error{x.config.Check(), second(x.config.Part(0)), second(x.config.All())} {
			if !errors.Is(err, nexmark.ErrConfig) || !strings.Contains(err.Error(), x.want) {
				t.Errorf("%+v: %v; want %q in it", x.config, err, x.want)
			}
		}
	}
	if _, err := (nexmark.Config{}).Part(1); !errors.Is(err, nexmark.ErrConfig) {
		t.Errorf("the second of one generator: %v", err)
	}
	if err := (nexmark.Config{}).Check(); err != nil {
		t.Errorf("the zero Config: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
