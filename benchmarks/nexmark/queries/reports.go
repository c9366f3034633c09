package queries

import (
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
)

func reports() []Query {
	const waits = "the end of the day"
	return []Query{
		{Name: "q15", Asks: "how many bids, bidders and auctions a day has, by ranges of prices", Class: Lattice, Waits: waits, build: q15},
		{Name: "q16", Asks: "the same for each channel, and when its last bid was", Class: Lattice, Waits: waits, build: q16},
		{Name: "q17", Asks: "how many bids an auction has in a day, by ranges of prices, and what they amount to", Class: Lattice, Waits: waits, build: q17},
	}
}

// A report has a row for each group and day. Its columns are counted by themselves, each in a state that only grows, and meet in the
// row when they are final.

// The ranges of prices: all of them are the range 0.
const ranges = 4

// rangeOf is the range of a price, besides all.
func rangeOf(price int64) int {
	switch {
	case price < 10_000:
		return 1
	case price < 1_000_000:
		return 2
	}
	return 3
}

// ranged is a bid in a range of prices that it is in.
type ranged struct {
	at  int
	bid *nexmark.Bid
}

// inRanges yields each bid for all prices and for its range.
func inRanges(bids operators.Stream[nexmark.Event]) operators.Stream[ranged] {
	return operators.FlatMap(bids, func(e nexmark.Event) iter.Seq[ranged] {
		return func(yield func(ranged) bool) {
			_ = yield(ranged{0, e.Bid}) && yield(ranged{rangeOf(e.Bid.Price), e.Bid})
		}
	})
}

// inDays keys what is in ranges by the group and the range, day by day.
func inDays(in operators.Stream[ranged], group func(*nexmark.Bid) string) operators.Keyed[string, ranged] {
	keyed := operators.KeyBy(in, "cell", func(r ranged) string { return group(r.bid) + "/" + strconv.Itoa(r.at) })
	return operators.Window(keyed, operators.Tumbling(24*time.Hour))
}

// cell is a column of a row.
type cell struct {
	group  string
	column int
	value  int64
}

// column yields the cells of a state that is keyed by group and range, in the columns from first on.
func column[L any](in operators.Growing[string, L], first int, value func(*L) int64) operators.Stream[cell] {
	final := operators.Finals(operators.Seal(in, operators.Watermark(Lateness)))
	return operators.Map(final, func(f operators.Final[string, L]) cell {
		slash := strings.LastIndexByte(f.Key, '/')
		return cell{f.Key[:slash], first + int(f.Key[slash+1]-'0'), value(&f.Value)}
	})
}

// cells are the columns of a group in a day: each is written once.
type cells = crdt.Map[int, crdt.Max[int64], *crdt.Max[int64]]

// table puts cells into rows.
func table[R any](b *build, row func(group, day string, column func(int) int64) R, first operators.Stream[cell], others ...operators.Stream[cell]) {
	byGroup := operators.KeyBy(operators.Union(first, others...), "group", func(c cell) string { return c.group })
	rows := operators.Aggregate("rows", operators.Window(byGroup, operators.Tumbling(24*time.Hour)), func(c cell) cells {
		return crdt.MapOf[int, crdt.Max[int64], *crdt.Max[int64]](c.column, crdt.MaxOf(c.value))
	})
	final := operators.Finals(operators.Seal(rows, operators.Watermark(0)))
	write(b, Rows, operators.Map(final, func(f operators.Final[string, cells]) R {
		return row(f.Key, day(millis(f.Window.Start)), func(column int) int64 {
			cell, _ := f.Value.Get(column)
			value, _ := cell.Value()
			return value
		})
	}))
}

func counted(c *crdt.GCounter) int64 { return int64(c.Value()) }

// statistics are the columns that q15 and q16 share.
type statistics struct {
	Bids          int64 `json:"total_bids"`
	Rank1Bids     int64 `json:"rank1_bids"`
	Rank2Bids     int64 `json:"rank2_bids"`
	Rank3Bids     int64 `json:"rank3_bids"`
	Bidders       int64 `json:"total_bidders"`
	Rank1Bidders  int64 `json:"rank1_bidders"`
	Rank2Bidders  int64 `json:"rank2_bidders"`
	Rank3Bidders  int64 `json:"rank3_bidders"`
	Auctions      int64 `json:"total_auctions"`
	Rank1Auctions int64 `json:"rank1_auctions"`
	Rank2Auctions int64 `json:"rank2_auctions"`
	Rank3Auctions int64 `json:"rank3_auctions"`
}

func statisticsOf(c func(int) int64) statistics {
	return statistics{c(0), c(1), c(2), c(3), c(4), c(5), c(6), c(7), c(8), c(9), c(10), c(11)}
}

// statistics counts bids, bidders and auctions.
func (b *build) statistics(bids operators.Keyed[string, ranged]) (all []operators.Stream[cell]) {
	size := func(s *crdt.GSet[int64]) int64 { return int64(s.Len()) }
	return []operators.Stream[cell]{
		column(operators.Count("bids", bids), 0, counted),
		column(operators.Distinct("bidders", bids, func(r ranged) int64 { return r.bid.Bidder }), ranges, size),
		column(operators.Distinct("auctions", bids, func(r ranged) int64 { return r.bid.Auction }), 2*ranges, size),
	}
}

func q15(b *build) {
	type row struct {
		Day string `json:"day"`
		statistics
	}
	bids := inDays(inRanges(b.bids()), func(*nexmark.Bid) string { return "" })
	columns := b.statistics(bids)
	table(b, func(_, day string, c func(int) int64) row { return row{day, statisticsOf(c)} }, columns[0], columns[1:]...)
}

func q16(b *build) {
	type row struct {
		Channel string `json:"channel"`
		Day     string `json:"day"`
		Minute  string `json:"minute"`
		statistics
	}
	const last = 3 * ranges
	all := inRanges(b.bids())
	channel := func(x *nexmark.Bid) string { return x.Channel }
	columns := b.statistics(inDays(all, channel))
	whole := operators.Filter(all, func(r ranged) bool { return r.at == 0 })
	latest := operators.Max("latest", inDays(whole, channel), func(r ranged) int64 { return r.bid.DateTime })
	columns = append(columns, column(latest, last, value))
	table(b, func(channel, day string, c func(int) int64) row {
		return row{channel, day, minute(c(last)), statisticsOf(c)}
	}, columns[0], columns[1:]...)
}

func value(m *crdt.Max[int64]) int64 {
	v, _ := m.Value()
	return v
}

func q17(b *build) {
	type row struct {
		Auction   int64  `json:"auction"`
		Day       string `json:"day"`
		Bids      int64  `json:"total_bids"`
		Rank1Bids int64  `json:"rank1_bids"`
		Rank2Bids int64  `json:"rank2_bids"`
		Rank3Bids int64  `json:"rank3_bids"`
		Min       int64  `json:"min_price"`
		Max       int64  `json:"max_price"`
		Average   int64  `json:"avg_price"`
		Sum       int64  `json:"sum_price"`
	}
	const lowest, highest, sum = ranges, ranges + 1, ranges + 2
	all := inRanges(b.bids())
	auction := func(x *nexmark.Bid) string { return strconv.FormatInt(x.Auction, 10) }
	price := func(r ranged) int64 { return r.bid.Price }
	whole := inDays(operators.Filter(all, func(r ranged) bool { return r.at == 0 }), auction)
	table(b, func(auction, day string, c func(int) int64) row {
		id, _ := strconv.ParseInt(auction, 10, 64) // which is how it was made
		return row{id, day, c(0), c(1), c(2), c(3), c(lowest), c(highest), c(sum) / c(0), c(sum)}
	},
		column(operators.Count("bids", inDays(all, auction)), 0, counted),
		column(operators.Min("lowest", whole, price), lowest, func(m *crdt.Min[int64]) int64 {
			v, _ := m.Value()
			return v
		}),
		column(operators.Max("highest", whole, price), highest, value),
		column(operators.Sum("sum", whole, func(r ranged) uint64 { return uint64(r.bid.Price) }), sum, counted),
	)
}
