package queries

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/operators"
)

func auctions() []Query {
	const waits = "the end of the input"
	return []Query{
		{
			Name: "q4", Asks: "the average winning price of the auctions of each category", Class: Sealed, Waits: waits,
			Adapted: "a row for each category at the end of the input, which is where the changing row of SQL ends",
			build:   q4,
		},
		{
			Name: "q6", Asks: "the average winning price of the last ten auctions of each seller", Class: Sealed, Waits: waits,
			Adapted: "a row for each seller at the end of the input; the last auctions are those whose winning bids came last, and of two at once the one with the larger id is older",
			build:   q6,
		},
		{
			Name: "q6s", Asks: "the winning price of each auction, with its seller", Class: Lattice, Waits: waits,
			Adapted: "q6 without the average",
			build:   q6s,
		},
		{
			Name: "q9", Asks: "the winning bid of each auction", Class: Lattice, Waits: waits,
			Adapted: "of two bids with one price at one time the one that was generated first wins",
			build:   q9,
		},
		{
			Name: "q18", Asks: "the last bid of each bidder for each auction", Class: Lattice, Waits: waits,
			Adapted: "of two bids at one time the one that was generated last is the last",
			build:   q18,
		},
		{
			Name: "q19", Asks: "the ten highest bids of each auction", Class: Lattice, Waits: waits,
			Adapted: "of two bids with one price the one that was generated first is higher",
			build:   q19,
		},
	}
}

// inTime are the offers that came while their auction was open, by auction.
func inTime(b *build) operators.Keyed[int64, offer] {
	open := operators.Filter(offers(b.events()), func(o offer) bool {
		return o.Bid.DateTime >= o.Auction.DateTime && o.Bid.DateTime <= o.Auction.Expires
	})
	return operators.KeyBy(open, "auction", func(o offer) int64 { return o.Auction.ID })
}

func offered(o offer) int64 { return o.Bid.Price }

// winner is a winning price and, as text, what it is of.
type winner = crdt.ArgMax[int64, string]

// winners are the winning bids of the auctions: the highest, of equal ones the first.
func winners(b *build) operators.Stream[operators.Final[int64, winner]] {
	best := operators.ArgMax("winners", inTime(b), offered, func(o offer) string { return ordered(uint64(o.Bid.DateTime), ordered(o.ID, document(o))) })
	return operators.Finals(operators.Seal(best, operators.EndOfInput()))
}

// won returns the winning offer.
func won(f operators.Final[int64, winner]) (o offer) {
	_, text, _ := f.Value.Best()
	read(unordered(unordered(text)), &o)
	return o
}

// ordered puts a number before a text, so that texts compare as their numbers do; unordered takes it away.
func ordered(n uint64, text string) string { return fmt.Sprintf("%020d", n) + text }
func unordered(text string) string         { return text[20:] }

// document and read are the texts that states keep of records. They are our own, so that no error can come of them.
func document[T any](v T) string {
	data, _ := json.Marshal(v)
	return string(data)
}

func read[T any](text string, v *T) { _ = json.Unmarshal([]byte(text), v) }

func q4(b *build) {
	type row struct {
		Category int64 `json:"category"`
		Average  int64 `json:"final"`
	}
	best := operators.ArgMax("winners", inTime(b), offered, func(o offer) int64 { return o.Auction.Category })
	final := operators.Finals(operators.Seal(best, operators.EndOfInput()))
	type won = operators.Final[int64, crdt.ArgMax[int64, int64]]
	byCategory := operators.KeyBy(final, "category", func(f won) int64 {
		_, category, _ := f.Value.Best()
		return category
	})
	average := operators.Average("average", byCategory, func(f won) int64 {
		price, _, _ := f.Value.Best()
		return price
	})
	rows := operators.Finals(operators.Seal(average, operators.EndOfInput()))
	write(b, Rows, operators.Map(rows, func(f operators.Final[int64, exact.Sum]) row {
		sum, _ := f.Value.Int64()
		return row{f.Key, sum / int64(f.Value.Count())}
	}))
}

func q6(b *build) {
	type row struct {
		Seller  int64 `json:"seller"`
		Average int64 `json:"final"`
	}
	bySeller := operators.KeyBy(operators.Map(winners(b), won), "seller", func(o offer) int64 { return o.Auction.Seller })
	last := operators.TopOf("last", bySeller, 10,
		func(o offer) int64 { return o.Bid.DateTime },
		func(o offer) string { return ordered(uint64(o.Auction.ID), document(o.Bid.Price)) })
	rows := operators.Finals(operators.Seal(last, operators.EndOfInput()))
	write(b, Rows, operators.Map(rows, func(f operators.Final[int64, crdt.TopK[string, int64]]) row {
		var sum, n int64
		for text := range f.Value.All() {
			var price int64
			read(unordered(text), &price)
			sum, n = sum+price, n+1
		}
		return row{f.Key, sum / n}
	}))
}

func q6s(b *build) {
	type row struct {
		Auction int64 `json:"id"`
		Seller  int64 `json:"seller"`
		Price   int64 `json:"final"`
	}
	write(b, Rows, operators.Map(winners(b), func(f operators.Final[int64, winner]) row {
		o := won(f)
		return row{o.Auction.ID, o.Auction.Seller, o.Bid.Price}
	}))
}

func q9(b *build) {
	type row struct {
		nexmark.Auction
		OfAuction   int64  `json:"auction"`
		Bidder      int64  `json:"bidder"`
		Price       int64  `json:"price"`
		BidDateTime int64  `json:"bid_dateTime"`
		BidExtra    string `json:"bid_extra"`
	}
	write(b, Rows, operators.Map(winners(b), func(f operators.Final[int64, winner]) row {
		o := won(f)
		return row{o.Auction, o.Bid.Auction, o.Bid.Bidder, o.Bid.Price, o.Bid.DateTime, o.Bid.Extra}
	}))
}

func q18(b *build) {
	byBoth := operators.KeyBy(b.bids(), "bidder-auction", func(e nexmark.Event) string {
		return fmt.Sprintf("%d/%d", e.Bid.Bidder, e.Bid.Auction)
	})
	last := operators.Last("last", byBoth, func(e nexmark.Event) string { return ordered(e.ID, document(e.Bid)) })
	rows := operators.Finals(operators.Seal(last, operators.EndOfInput()))
	write(b, Rows, operators.Map(rows, func(f operators.Final[string, crdt.LastByTime[string]]) (row nexmark.Bid) {
		text, _ := f.Value.Value()
		read(unordered(text), &row)
		return row
	}))
}

func q19(b *build) {
	type row struct {
		nexmark.Bid
		Rank int `json:"rank_number"`
	}
	byAuction := operators.KeyBy(b.bids(), "auction", auctionOf)
	top := operators.TopOf("top", byAuction, 10, priceOf, func(e nexmark.Event) string { return ordered(e.ID, document(e.Bid)) })
	best := operators.Finals(operators.Seal(top, operators.EndOfInput()))
	write(b, Rows, operators.FlatMap(best, func(f operators.Final[int64, crdt.TopK[string, int64]]) iter.Seq[row] {
		return func(yield func(row) bool) {
			rank := 0
			for text := range f.Value.All() {
				rank++
				r := row{Rank: rank}
				read(unordered(text), &r.Bid)
				if !yield(r) {
					return
				}
			}
		}
	}))
}
