package queries

import (
	"time"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/operators"
)

func joins() []Query {
	return []Query{
		{Name: "q3", Asks: "who sells in category 10, of those who live in three of the states", Class: Monotone, build: q3},
		{
			Name: "q8", Asks: "who opened an auction within the ten seconds in which they registered", Class: Monotone,
			Adapted: "a row leaves with the first auction, and not when the window ends",
			build:   q8,
		},
		{
			Name: "q13", Asks: "bids with what a table has for their auction", Class: Monotone, Side: true,
			Adapted: "the side input is a stream that is written once, so that no clock decides which version of it a bid sees",
			build:   q13,
		},
		{Name: "q20", Asks: "bids for auctions of category 10, with the auction", Class: Monotone, build: q20},
		{
			Name: "q23", Asks: "bids of people who sell something too, with the person and each of their auctions", Class: Monotone,
			Adapted: "a bid and an auction that are more than eight years apart do not meet",
			build:   q23,
		},
	}
}

// sale is an auction with its seller, who is in it.
type sale struct {
	Auction nexmark.Auction `json:"auction"`
	Person  nexmark.Person  `json:"person"`
}

// sales joins auctions and their sellers. A person registers once, so that nothing is waited for.
func sales(events operators.Stream[nexmark.Event]) operators.Stream[sale] {
	return operators.Enrich("sellers",
		operators.KeyBy(onlyAuctions(events), "person", sellerOf),
		operators.KeyBy(onlyPeople(events), "person", personOf),
		func(a, p nexmark.Event) sale { return sale{*a.Auction, *p.Person} })
}

func q3(b *build) {
	type row struct {
		Name  string `json:"name"`
		City  string `json:"city"`
		State string `json:"state"`
		ID    int64  `json:"id"`
	}
	some := operators.Filter(sales(b.events()), func(s sale) bool {
		return s.Auction.Category == 10 && (s.Person.State == "OR" || s.Person.State == "ID" || s.Person.State == "CA")
	})
	write(b, Rows, operators.Map(some, func(s sale) row {
		return row{s.Person.Name, s.Person.City, s.Person.State, s.Auction.ID}
	}))
}

func q8(b *build) {
	type row struct {
		ID    int64  `json:"id"`
		Name  string `json:"name"`
		Start int64  `json:"starttime"`
	}
	const size = 10 * time.Second
	start := func(at int64) int64 { return at - at%size.Milliseconds() }
	soon := operators.Filter(sales(b.events()), func(s sale) bool { return start(s.Auction.DateTime) == start(s.Person.DateTime) })
	byPerson := operators.KeyBy(soon, "person", func(s sale) int64 { return s.Person.ID })
	first := operators.Deduplicate("sellers-once", operators.Window(byPerson, operators.Tumbling(size)), Lateness)
	write(b, Rows, operators.Map(first, func(s sale) row {
		return row{s.Person.ID, s.Person.Name, start(s.Person.DateTime)}
	}))
}

func q13(b *build) {
	type row struct {
		bidRow
		Value string `json:"value"`
	}
	write(b, Rows, operators.Enrich("side-of-bids",
		operators.KeyBy(b.bids(), "key", func(e nexmark.Event) int64 { return e.Bid.Auction % SideRows }),
		operators.KeyBy(b.side(), "key", func(r SideRow) int64 { return r.Key }),
		func(e nexmark.Event, r SideRow) row { return row{rowOf(e), r.Value} }))
}

// offer is a bid with its auction.
type offer struct {
	ID      uint64          `json:"id"` // of the event of the bid
	Bid     nexmark.Bid     `json:"bid"`
	Auction nexmark.Auction `json:"auction"`
}

// offers joins bids and their auctions. An auction is opened once, so that nothing is waited for.
func offers(events operators.Stream[nexmark.Event]) operators.Stream[offer] {
	return operators.Enrich("offers",
		operators.KeyBy(onlyBids(events), "auction", auctionOf),
		operators.KeyBy(onlyAuctions(events), "auction", saleOf),
		func(x, a nexmark.Event) offer { return offer{x.ID, *x.Bid, *a.Auction} })
}

func q20(b *build) {
	type row struct {
		Auction         int64  `json:"auction"`
		Bidder          int64  `json:"bidder"`
		Price           int64  `json:"price"`
		Channel         string `json:"channel"`
		URL             string `json:"url"`
		BidDateTime     int64  `json:"bid_dateTime"`
		BidExtra        string `json:"bid_extra"`
		ItemName        string `json:"itemName"`
		Description     string `json:"description"`
		InitialBid      int64  `json:"initialBid"`
		Reserve         int64  `json:"reserve"`
		AuctionDateTime int64  `json:"auction_dateTime"`
		Expires         int64  `json:"expires"`
		Seller          int64  `json:"seller"`
		Category        int64  `json:"category"`
		AuctionExtra    string `json:"auction_extra"`
	}
	some := operators.Filter(offers(b.events()), func(o offer) bool { return o.Auction.Category == 10 })
	write(b, Rows, operators.Map(some, func(o offer) row {
		x, a := o.Bid, o.Auction
		return row{
			x.Auction, x.Bidder, x.Price, x.Channel, x.URL, x.DateTime, x.Extra,
			a.ItemName, a.Description, a.InitialBid, a.Reserve, a.DateTime, a.Expires, a.Seller, a.Category, a.Extra,
		}
	}))
}

func q23(b *build) {
	type row struct {
		Bidder       int64  `json:"bidder"`
		Price        int64  `json:"price"`
		Channel      string `json:"channel"`
		URL          string `json:"url"`
		BidExtra     string `json:"bid_extra"`
		PersonID     int64  `json:"person_id"`
		Name         string `json:"name"`
		EmailAddress string `json:"emailAddress"`
		CreditCard   string `json:"creditCard"`
		City         string `json:"city"`
		State        string `json:"state"`
		PersonExtra  string `json:"person_extra"`
		ItemName     string `json:"itemName"`
		Description  string `json:"description"`
		InitialBid   int64  `json:"initialBid"`
		Reserve      int64  `json:"reserve"`
		DateTime     int64  `json:"auction_dateTime"`
		Expires      int64  `json:"expires"`
		Seller       int64  `json:"seller"`
		Category     int64  `json:"category"`
		AuctionExtra string `json:"auction_extra"`
	}
	const always = 8 * 365 * 24 * time.Hour
	events := b.events()
	byBidder := operators.KeyBy(onlyBids(events), "person", bidderOf)
	bySeller := operators.KeyBy(sales(events), "person", func(s sale) int64 { return s.Person.ID })
	write(b, Rows, operators.Join("bids-of-sellers", byBidder, bySeller, operators.Interval{Before: always, After: always, Lateness: Lateness},
		func(e nexmark.Event, s sale) row {
			x, p, a := e.Bid, s.Person, s.Auction
			return row{
				x.Bidder, x.Price, x.Channel, x.URL, x.Extra,
				p.ID, p.Name, p.EmailAddress, p.CreditCard, p.City, p.State, p.Extra,
				a.ItemName, a.Description, a.InitialBid, a.Reserve, a.DateTime, a.Expires, a.Seller, a.Category, a.Extra,
			}
		}))
}
