package queries

import (
	"fmt"
	"iter"
	"time"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
)

func windows() []Query {
	return []Query{
		{Name: "q5", Asks: "the auctions with most bids in the last ten seconds, every two seconds", Class: Sealed, Waits: "the end of the window", build: q5},
		{
			Name: "q7", Asks: "the highest bids of each ten seconds", Class: Lattice, Waits: "the end of the window",
			Adapted: "a window does not hold its end, which BETWEEN does",
			build:   q7,
		},
		{
			Name: "q11", Asks: "how many bids a person made in each session of activity", Class: Sealed, Waits: "the end of the session",
			Adapted: "bids that are exactly ten seconds apart are two sessions, where Flink has one",
			build:   q11,
		},
		{
			Name: "q12", Asks: "how many bids a person made in each ten seconds of processing time", Class: Lattice, Waits: "the end of the window",
			Adapted: "processing time is when the server has stored the bid: the same whoever processes it, and however often",
			build:   q12,
		},
	}
}

// mostBids is the largest number of bids and all auctions that have it.
type mostBids = crdt.Lex[uint64, crdt.GSet[int64], *crdt.GSet[int64]]

func q5(b *build) {
	type row struct {
		Auction int64  `json:"auction"`
		Bids    uint64 `json:"num"`
	}
	const size, slide = 10 * time.Second, 2 * time.Second
	byAuction := operators.KeyBy(b.bids(), "auction", auctionOf)
	counts := operators.Count("bids", operators.Window(byAuction, operators.Hopping(size, slide)))
	final := operators.Finals(operators.Seal(counts, operators.Watermark(Lateness)))
	// What is final of a window has its last instant as time, so that each of them is in a slide of its own.
	byWindow := operators.KeyBy(final, "window", func(f operators.Final[int64, crdt.GCounter]) int64 { return f.Window.Start })
	most := operators.Aggregate("most", operators.Window(byWindow, operators.Tumbling(slide)), func(f operators.Final[int64, crdt.GCounter]) mostBids {
		return crdt.LexOf(f.Value.Value(), setOf(f.Key))
	})
	best := operators.Finals(operators.Seal(most, operators.Watermark(0)))
	write(b, Rows, operators.FlatMap(best, func(f operators.Final[int64, mostBids]) iter.Seq[row] {
		return func(yield func(row) bool) {
			n, _ := f.Value.Key()
			auctions, _ := f.Value.Value()
			for auction := range auctions.All() {
				if !yield(row{auction, n}) {
					return
				}
			}
		}
	}))
}

func setOf[T crdt.Ordered](v T) (set crdt.GSet[T]) {
	set.Add(v)
	return set
}

// highest is the highest price and all bids that have it.
type highest = crdt.Lex[int64, crdt.GSet[string], *crdt.GSet[string]]

func q7(b *build) {
	all := operators.KeyBy(b.bids(), "all", func(nexmark.Event) int { return 0 })
	best := operators.Aggregate("highest", operators.Window(all, operators.Tumbling(10*time.Second)), func(e nexmark.Event) highest {
		x := e.Bid
		return crdt.LexOf(x.Price, setOf(fmt.Sprintf(`{"auction":%d,"price":%d,"bidder":%d,"dateTime":%d,"extra":%q}`, x.Auction, x.Price, x.Bidder, x.DateTime, x.Extra)))
	})
	final := operators.Finals(operators.Seal(best, operators.Watermark(Lateness)))
	rows := operators.FlatMap(final, func(f operators.Final[int, highest]) iter.Seq[text] {
		return func(yield func(text) bool) {
			bids, _ := f.Value.Value()
			for bid := range bids.All() {
				if !yield(text(bid)) {
					return
				}
			}
		}
	})
	write(b, Rows, rows)
}

// text is a row that is JSON already.
type text string

// MarshalJSON returns the text.
func (t text) MarshalJSON() ([]byte, error) { return []byte(t), nil }

type sessionRow struct {
	Bidder int64  `json:"bidder"`
	Bids   uint64 `json:"bid_count"`
	Start  int64  `json:"starttime"`
	End    int64  `json:"endtime"`
}

func countRow(f operators.Final[int64, crdt.GCounter]) sessionRow {
	return sessionRow{f.Key, f.Value.Value(), millis(f.Window.Start), millis(f.Window.End)}
}

func q11(b *build) {
	byBidder := operators.KeyBy(b.bids(), "bidder", bidderOf)
	counts := operators.Count("bids", operators.Window(byBidder, operators.Sessions(10*time.Second)))
	write(b, Rows, operators.Map(operators.Finals(operators.Seal(counts, operators.Watermark(Lateness))), countRow))
}

func q12(b *build) {
	byBidder := operators.KeyBy(onlyBids(b.stored()), "bidder", bidderOf)
	counts := operators.Count("bids", operators.Window(byBidder, operators.Tumbling(10*time.Second)))
	write(b, Rows, operators.Map(operators.Finals(operators.Seal(counts, operators.Watermark(0))), countRow))
}
