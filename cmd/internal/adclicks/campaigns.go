package adclicks

import (
	"math/rand/v2"
	"sort"
	"strconv"
)

// campaigns in the order of their popularity. The names are short enough for five of them to stand in a line.
var campaigns = [...]string{
	"coffee", "bikes", "shoes", "books", "games", "phones", "garden", "travel", "lamps", "kayak",
	"music", "pizza", "chairs", "tea", "watch", "yoga", "paint", "socks", "bread", "maps",
}

// bursting is the campaign that has bursts of clicks: an ordinary one otherwise.
const bursting = 9

// A campaign has this many advertisements, and this many users see them.
const (
	adsPerCampaign = 4
	users          = 5000
)

// popularity is the Zipf distribution with exponent one over the campaigns, as running totals: the campaign of rank r is
// drawn with a weight of 1/r. The totals are whole numbers, so that every machine draws the same.
var popularity = func() (total [len(campaigns)]uint64) {
	sum := uint64(0)
	for i := range total {
		sum += 1_000_000 / uint64(i+1)
		total[i] = sum
	}
	return total
}()

// drawCampaign draws by popularity.
func drawCampaign(r *rand.Rand) int {
	x := r.Uint64N(popularity[len(popularity)-1])
	return sort.Search(len(popularity), func(i int) bool { return x < popularity[i] })
}

// Campaigns returns the names of the campaigns, the most popular first, and the one that has bursts of clicks.
func Campaigns() (names []string, burst string) {
	return append(names, campaigns[:]...), campaigns[bursting]
}

func userName(n int) string { return "u" + strconv.Itoa(n) }
