package adclicks

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/calmstream/calmstream/pipeline"
)

// Kind says what a user did with an advertisement.
type Kind string

// The kinds of events.
const (
	Impression Kind = "impression"
	Click      Kind = "click"
)

// AdEvent is an impression of an advertisement or a click on it. On the wire it is JSON.
type AdEvent struct {
	// ID identifies the event.
	ID string `json:"id"`
	// Campaign is what is counted by, and Ad the advertisement within it.
	Campaign string `json:"campaign"`
	Ad       string `json:"ad"`
	// Kind is Impression or Click.
	Kind Kind `json:"kind"`
	// User is who saw it.
	User string `json:"user"`
	// Price is what the advertiser pays, in millionths of a dollar.
	Price int64 `json:"price"`
	// Time is when it happened, by the clock of the user's device.
	Time time.Time `json:"time"`
}

// Decode reads an event. It refuses what is not JSON and what is not complete; such messages become dead letters.
func Decode(m *pipeline.Message) (AdEvent, error) {
	e, err := pipeline.JSON[AdEvent](m)
	if err != nil {
		return e, err
	}
	switch {
	case e.Campaign == "":
		return e, errors.New("the event names no campaign")
	case e.Kind != Impression && e.Kind != Click:
		return e, fmt.Errorf("the kind of the event is %s; it must be %q or %q", strconv.Quote(string(e.Kind)), Impression, Click)
	case e.Time.IsZero():
		return e, errors.New("the event has no time")
	}
	return e, nil
}

// isClick says whether an event is counted.
func isClick(e AdEvent) bool { return e.Kind == Click }
