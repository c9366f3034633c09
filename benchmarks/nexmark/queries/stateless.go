package queries

import (
	"strconv"
	"strings"
	"time"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
)

func stateless() []Query {
	return []Query{
		{Name: "q0", Asks: "all bids, as they are", Class: Monotone, build: q0},
		{Name: "q1", Asks: "all bids, with prices in euros", Class: Monotone, build: q1},
		{Name: "q2", Asks: "the prices of bids for some auctions", Class: Monotone, build: q2},
		{
			Name: "q10", Asks: "all bids, by the minute of their file, and which files are complete", Class: Monotone,
			Waits:   "nothing; the markers wait for the end of the minute",
			Adapted: "rows carry the partition of the file system (dt, hm) that they belong to, and its success file is a result of its own, with the number of bids in it",
			build:   q10,
		},
		{Name: "q14", Asks: "bids within a range of prices, with the time of the day and a count of letters", Class: Monotone, build: q14},
		{Name: "q21", Asks: "bids with the number of their channel, by a table of names or out of their address", Class: Monotone, build: q21},
		{Name: "q22", Asks: "bids with the parts of their address", Class: Monotone, build: q22},
	}
}

type bidRow struct {
	Auction  int64  `json:"auction"`
	Bidder   int64  `json:"bidder"`
	Price    int64  `json:"price"`
	DateTime int64  `json:"dateTime"`
	Extra    string `json:"extra"`
}

func rowOf(e nexmark.Event) bidRow {
	return bidRow{e.Bid.Auction, e.Bid.Bidder, e.Bid.Price, e.Bid.DateTime, e.Bid.Extra}
}

func q0(b *build) { write(b, Rows, operators.Map(b.bids(), rowOf)) }

func q1(b *build) {
	type row struct {
		Auction  int64  `json:"auction"`
		Bidder   int64  `json:"bidder"`
		Price    string `json:"price"`
		DateTime int64  `json:"dateTime"`
		Extra    string `json:"extra"`
	}
	write(b, Rows, operators.Map(b.bids(), func(e nexmark.Event) row {
		return row{e.Bid.Auction, e.Bid.Bidder, inEuros(e.Bid.Price), e.Bid.DateTime, e.Bid.Extra}
	}))
}

func q2(b *build) {
	type row struct {
		Auction int64 `json:"auction"`
		Price   int64 `json:"price"`
	}
	some := operators.Filter(b.bids(), func(e nexmark.Event) bool { return e.Bid.Auction%123 == 0 })
	write(b, Rows, operators.Map(some, func(e nexmark.Event) row { return row{e.Bid.Auction, e.Bid.Price} }))
}

func q10(b *build) {
	type row struct {
		bidRow
		Date   string `json:"dt"`
		Minute string `json:"hm"`
	}
	type marker struct {
		Date   string `json:"dt"`
		Minute string `json:"hm"`
		Bids   uint64 `json:"bids"`
	}
	bids := b.bids()
	write(b, Rows, operators.Map(bids, func(e nexmark.Event) row {
		return row{rowOf(e), day(e.Bid.DateTime), minute(e.Bid.DateTime)}
	}))
	byMinute := operators.KeyBy(bids, "minute", func(e nexmark.Event) int64 { return e.Time().Unix() / 60 })
	counts := operators.Count("bids", operators.Window(byMinute, operators.Tumbling(time.Minute)))
	full := operators.Finals(operators.Seal(counts, operators.Watermark(Lateness)))
	write(b, Markers, operators.Map(full, func(f operators.Final[int64, crdt.GCounter]) marker {
		at := millis(f.Window.Start)
		return marker{day(at), minute(at), f.Value.Value()}
	}))
}

func q14(b *build) {
	type row struct {
		Auction  int64  `json:"auction"`
		Bidder   int64  `json:"bidder"`
		Price    string `json:"price"`
		Type     string `json:"bidTimeType"`
		DateTime int64  `json:"dateTime"`
		Extra    string `json:"extra"`
		Count    int    `json:"c_counts"`
	}
	const low, high = 1_000_000 * 1000, 50_000_000 * 1000 // in thousandths of what is compared
	some := operators.Filter(b.bids(), func(e nexmark.Event) bool {
		return e.Bid.Price*908 > low && e.Bid.Price*908 < high
	})
	write(b, Rows, operators.Map(some, func(e nexmark.Event) row {
		return row{
			e.Bid.Auction, e.Bid.Bidder, inEuros(e.Bid.Price), timeType(e.Time().Hour()), e.Bid.DateTime, e.Bid.Extra,
			strings.Count(e.Bid.Extra, "c"),
		}
	}))
}

// timeType names a time of the day.
func timeType(hour int) string {
	switch {
	case hour >= 8 && hour <= 18:
		return "dayTime"
	case hour <= 6 || hour >= 20:
		return "nightTime"
	}
	return "otherTime"
}

func q21(b *build) {
	type row struct {
		Auction   int64  `json:"auction"`
		Bidder    int64  `json:"bidder"`
		Price     int64  `json:"price"`
		Channel   string `json:"channel"`
		ChannelID string `json:"channel_id"`
	}
	known := operators.Filter(b.bids(), func(e nexmark.Event) bool { return channelID(e.Bid) != "" })
	write(b, Rows, operators.Map(known, func(e nexmark.Event) row {
		return row{e.Bid.Auction, e.Bid.Bidder, e.Bid.Price, e.Bid.Channel, channelID(e.Bid)}
	}))
}

// channelID is the number of the channel of a bid, "" if it has none.
func channelID(b *nexmark.Bid) string {
	for i, name := range []string{"apple", "google", "facebook", "baidu"} {
		if strings.EqualFold(b.Channel, name) {
			return strconv.Itoa(i)
		}
	}
	_, id, _ := strings.Cut(b.URL, "&channel_id=")
	id, _, _ = strings.Cut(id, "&")
	return id
}

func q22(b *build) {
	type row struct {
		Auction int64  `json:"auction"`
		Bidder  int64  `json:"bidder"`
		Price   int64  `json:"price"`
		Channel string `json:"channel"`
		Dir1    string `json:"dir1"`
		Dir2    string `json:"dir2"`
		Dir3    string `json:"dir3"`
	}
	write(b, Rows, operators.Map(b.bids(), func(e nexmark.Event) row {
		parts := append(strings.Split(e.Bid.URL, "/"), "", "", "", "", "", "")
		return row{e.Bid.Auction, e.Bid.Bidder, e.Bid.Price, e.Bid.Channel, parts[3], parts[4], parts[5]}
	}))
}
