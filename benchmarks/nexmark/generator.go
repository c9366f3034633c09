package nexmark

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// The proportions of the kinds of events, and who is in play at a time.
const (
	people    = 1
	auctions  = 3
	all       = 50
	firstID   = 1000 // of people and of auctions
	inFlight  = 100  // auctions that a bid may be for
	active    = 1000 // people who may bid or sell
	lead      = 10   // ids ahead of the last one that may be referred to already
	hotBatch  = 100  // ids for each hot one
	hotOne    = 1    // hot bidders are this far behind hot sellers
	category  = 10   // the first of them
	shuffle   = 953
	channels  = 10_000
	perPerson = 200 // bytes on the average, counted as the original does
	perSale   = 500
	perBid    = 100
)

// Generator makes the events of a part of the ids. It has no state: it may be used by any number of goroutines.
type Generator struct {
	seed   uint64
	first  uint64 // id of the first event
	events uint64
	group  uint64
	start  int64   // of event time, in milliseconds since 1970
	delay  float64 // microseconds of event time between two events
}

// Len returns how many events there are.
func (g *Generator) Len() uint64 { return g.events }

// Event returns what is emitted as number n, from 0. Within a group of out-of-order events that is not the event with this place in
// time. A group that would end behind the last event is emitted in order.
func (g *Generator) Event(n uint64) Event {
	adjusted := n
	if start := n / g.group * g.group; start+g.group <= g.events {
		adjusted = start + n*shuffle%g.group
	}
	return g.at(adjusted)
}

// Watermark returns the time before which all events have been emitted once number n has been.
func (g *Generator) Watermark(n uint64) time.Time {
	return time.UnixMilli(g.millis(n / g.group * g.group)).UTC()
}

// at returns the event with a place in time.
func (g *Generator) at(n uint64) Event {
	id, now := g.first+n, g.millis(n)
	d := newDraw(g.seed, id)
	e := Event{ID: id}
	switch kindOf(id) {
	case KindPerson:
		e.Person = person(d, id, now)
	case KindAuction:
		const later = inFlight * all / auctions // events until as many auctions have begun as are in flight
		e.Auction = auction(d, id, now, g.millis(n+later)-now)
	case KindBid:
		e.Bid = bid(d, g.seed, id, now)
	}
	return e
}

// millis is the event time of a place, in milliseconds since 1970.
func (g *Generator) millis(n uint64) int64 {
	return g.start + int64(float64(n)*g.delay)/1000
}

func kindOf(id uint64) Kind {
	switch rest := id % all; {
	case rest < people:
		return KindPerson
	case rest < people+auctions:
		return KindAuction
	default:
		return KindBid
	}
}

// lastPerson is the number of the last person at the time of an event, itself included.
func lastPerson(id uint64) int64 { return int64(id / all) }

// lastAuction is the number of the last auction; -1 is none.
func lastAuction(id uint64) int64 {
	epoch, rest := int64(id/all), int64(id%all)
	switch {
	case rest < people:
		return (epoch-1)*auctions + auctions - 1
	case rest < people+auctions:
		return epoch*auctions + rest - people
	default:
		return epoch*auctions + auctions - 1
	}
}

// anyone draws a person who is active, or is about to be.
func anyone(d *draw, id uint64) int64 {
	n := lastPerson(id) + 1
	of := min(n, active)
	return n - of + d.below(of+lead)
}

// anything draws an auction that is in flight, or is about to be.
func anything(d *draw, id uint64) int64 {
	last := lastAuction(id)
	lowest := max(last-inFlight, 0)
	return lowest + d.below(last-lowest+1+lead)
}

func person(d *draw, id uint64, now int64) *Person {
	p := &Person{
		ID:           lastPerson(id) + firstID,
		Name:         d.one(firstNames) + " " + d.one(lastNames),
		EmailAddress: d.text(7, ' ') + "@" + d.text(5, ' ') + ".com",
		CreditCard:   fmt.Sprintf("%04d %04d %04d %04d", d.below(10_000), d.below(10_000), d.below(10_000), d.below(10_000)),
		City:         d.one(cities),
		State:        d.one(states),
		DateTime:     now,
	}
	p.Extra = d.extra(8+len(p.Name)+len(p.EmailAddress)+len(p.CreditCard)+len(p.City)+len(p.State), perPerson)
	return p
}

// auction draws an auction. horizon is how long it takes until as many others have begun as are in flight.
func auction(d *draw, id uint64, now, horizon int64) *Auction {
	a := &Auction{
		ID:          lastAuction(id) + firstID,
		ItemName:    d.text(20, ' '),
		Description: d.text(100, ' '),
		InitialBid:  d.price(),
		DateTime:    now,
		Expires:     now + 1 + d.below(max(2*horizon, 1)),
		Category:    category + d.below(5),
	}
	a.Reserve = a.InitialBid + d.price()
	if d.below(4) > 0 {
		a.Seller = lastPerson(id) / hotBatch * hotBatch
	} else {
		a.Seller = anyone(d, id)
	}
	a.Seller += firstID
	a.Extra = d.extra(8+len(a.ItemName)+len(a.Description)+40, perSale)
	return a
}

func bid(d *draw, seed, id uint64, now int64) *Bid {
	b := &Bid{Price: d.price(), DateTime: now}
	if d.below(2) > 0 {
		b.Auction = lastAuction(id) / hotBatch * hotBatch
	} else {
		b.Auction = anything(d, id)
	}
	if d.below(4) > 0 {
		b.Bidder = lastPerson(id)/hotBatch*hotBatch + hotOne
	} else {
		b.Bidder = anyone(d, id)
	}
	b.Auction += firstID
	b.Bidder += firstID
	if d.below(2) > 0 {
		hot := d.below(int64(len(hotChannels)))
		b.Channel, b.URL = hotChannels[hot], address(newDraw(seed, hotAddress+uint64(hot)))
	} else {
		b.Channel, b.URL = channel(seed, d.below(channels))
	}
	b.Extra = d.extra(32, perBid)
	return b
}

// The addresses of channels are drawn with ids that no event has.
const (
	coldAddress = 1 << 62
	hotAddress  = 1<<62 + channels
)

// channel returns the name and the address of one of the many channels, which are always the same.
func channel(seed uint64, i int64) (name, url string) {
	d := newDraw(seed, coldAddress+uint64(i))
	url = address(d)
	if d.below(10) > 0 {
		reversed := int64(int32(bits.Reverse32(uint32(i))))
		url += fmt.Sprintf("&channel_id=%d", max(reversed, -reversed))
	}
	return fmt.Sprintf("channel-%d", i), url
}

func address(d *draw) string {
	return "https://www.nexmark.com/" + d.text(5, '_') + "/" + d.text(5, '_') + "/" + d.text(5, '_') + "/item.htm?query=1"
}

// price draws a price in cents: its logarithm is uniform.
func (d *draw) price() int64 { return int64(math.Round(math.Pow(10, 6*d.unit()) * 100)) }
