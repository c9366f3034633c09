package nexmark

import (
	"math/bits"
	"strings"
)

var (
	firstNames  = []string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	lastNames   = []string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	cities      = []string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	states      = []string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	hotChannels = []string{"Google", "Facebook", "Baidu", "Apple"}
)

// draw is what is random about one event: SplitMix64, begun anew for each, so that no event depends on how many were made before it.
type draw struct{ state uint64 }

func newDraw(seed, id uint64) *draw { return &draw{mix(mix(seed+gamma) + id*gamma)} }

const gamma = 0x9E3779B97F4A7C15

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (d *draw) next() uint64 {
	d.state += gamma
	return mix(d.state)
}

// below draws from [0, n). What the remainder would favour is less than one in 2^32 for all n in use.
func (d *draw) below(n int64) int64 {
	high, _ := bits.Mul64(d.next(), uint64(n))
	return int64(high)
}

// unit draws from [0, 1).
func (d *draw) unit() float64 { return float64(d.next()>>11) / (1 << 53) }

func (d *draw) one(of []string) string { return of[d.below(int64(len(of)))] }

// text draws from 3 to max-1 characters, of which one in 13 is special, and the rest are letters. Spaces at its ends are cut off.
func (d *draw) text(max int64, special byte) string {
	b := make([]byte, 3+d.below(max-3))
	for i := range b {
		if b[i] = special; d.below(13) > 0 {
			b[i] = 'a' + byte(d.below(26))
		}
	}
	return strings.TrimSpace(string(b))
}

// extra draws letters that bring what has size bytes to desired bytes on the average.
func (d *draw) extra(size, desired int) string {
	if size > desired {
		return ""
	}
	missing := int64(desired - size)
	spread := (missing + 2) / 5 // a fifth, rounded
	n := missing - spread
	if spread > 0 {
		n += d.below(2 * spread)
	}
	b := make([]byte, n)
	var four uint64 // letters, of 16 bits each
	for i := range b {
		if i%4 == 0 {
			four = d.next()
		}
		b[i] = 'a' + byte(four&0xFFFF*26>>16)
		four >>= 16
	}
	return string(b)
}
