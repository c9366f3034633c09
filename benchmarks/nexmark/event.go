package nexmark

import (
	"strconv"
	"time"
)

// Kind says what an event is.
type Kind uint8

// The kinds of events. Of 50 events one is a person, 3 are auctions, and the rest are bids.
const (
	KindPerson Kind = iota
	KindAuction
	KindBid
)

// Event is one event: one of its three parts is not nil.
type Event struct {
	// ID is the number of the event, which says all about it.
	ID      uint64   `json:"id"`
	Person  *Person  `json:"person,omitempty"`
	Auction *Auction `json:"auction,omitempty"`
	Bid     *Bid     `json:"bid,omitempty"`
}

// Person is somebody who has registered. Times are in milliseconds since 1970.
type Person struct {
	ID           int64  `json:"id"`
	Name         string `json:"name"`
	EmailAddress string `json:"emailAddress"`
	CreditCard   string `json:"creditCard"`
	City         string `json:"city"`
	State        string `json:"state"`
	DateTime     int64  `json:"dateTime"`
	Extra        string `json:"extra"`
}

// Auction is something for sale. Prices are in cents.
type Auction struct {
	ID          int64  `json:"id"`
	ItemName    string `json:"itemName"`
	Description string `json:"description"`
	InitialBid  int64  `json:"initialBid"`
	Reserve     int64  `json:"reserve"`
	DateTime    int64  `json:"dateTime"`
	Expires     int64  `json:"expires"`
	Seller      int64  `json:"seller"`
	Category    int64  `json:"category"`
	Extra       string `json:"extra"`
}

// Bid is an offer of a person for an auction.
type Bid struct {
	Auction  int64  `json:"auction"`
	Bidder   int64  `json:"bidder"`
	Price    int64  `json:"price"`
	Channel  string `json:"channel"`
	URL      string `json:"url"`
	DateTime int64  `json:"dateTime"`
	Extra    string `json:"extra"`
}

// Time is the event time.
func (e Event) Time() time.Time { return time.UnixMilli(e.millis()).UTC() }

func (e Event) millis() int64 {
	switch {
	case e.Person != nil:
		return e.Person.DateTime
	case e.Auction != nil:
		return e.Auction.DateTime
	case e.Bid != nil:
		return e.Bid.DateTime
	}
	return 0
}

// AppendJSON appends the event as encoding/json would write it. Texts of the generator need no escapes, and get none.
func (e Event) AppendJSON(b []byte) []byte {
	b = strconv.AppendUint(append(b, `{"id":`...), e.ID, 10)
	switch {
	case e.Person != nil:
		p := e.Person
		b = number(b, `,"person":{"id":`, p.ID)
		b = text(b, `,"name":"`, p.Name)
		b = text(b, `,"emailAddress":"`, p.EmailAddress)
		b = text(b, `,"creditCard":"`, p.CreditCard)
		b = text(b, `,"city":"`, p.City)
		b = text(b, `,"state":"`, p.State)
		b = number(b, `,"dateTime":`, p.DateTime)
		b = append(text(b, `,"extra":"`, p.Extra), '}')
	case e.Auction != nil:
		a := e.Auction
		b = number(b, `,"auction":{"id":`, a.ID)
		b = text(b, `,"itemName":"`, a.ItemName)
		b = text(b, `,"description":"`, a.Description)
		b = number(b, `,"initialBid":`, a.InitialBid)
		b = number(b, `,"reserve":`, a.Reserve)
		b = number(b, `,"dateTime":`, a.DateTime)
		b = number(b, `,"expires":`, a.Expires)
		b = number(b, `,"seller":`, a.Seller)
		b = number(b, `,"category":`, a.Category)
		b = append(text(b, `,"extra":"`, a.Extra), '}')
	case e.Bid != nil:
		x := e.Bid
		b = number(b, `,"bid":{"auction":`, x.Auction)
		b = number(b, `,"bidder":`, x.Bidder)
		b = number(b, `,"price":`, x.Price)
		b = text(b, `,"channel":"`, x.Channel)
		b = text(b, `,"url":"`, x.URL)
		b = number(b, `,"dateTime":`, x.DateTime)
		b = append(text(b, `,"extra":"`, x.Extra), '}')
	}
	return append(b, '}')
}

func number(b []byte, name string, v int64) []byte {
	return strconv.AppendInt(append(b, name...), v, 10)
}

func text(b []byte, name, v string) []byte {
	return append(append(append(b, name...), v...), '"')
}
