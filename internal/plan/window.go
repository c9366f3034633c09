package plan

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"
)

// The ends of event time, in nanoseconds since 1970.
const (
	// Beginning is before every record: nothing is complete yet.
	Beginning = math.MinInt64
	// End is after every record: the frontier of an input that has ended.
	End = math.MaxInt64
)

// MaxWindow is the longest window, some nine years. Event times keep that distance from both ends of time.
const MaxWindow time.Duration = 1 << 58

// Span is a window of event time, [Start, End) in nanoseconds since 1970.
type Span struct{ Start, End int64 }

// Global is the window that holds all of time.
var Global = Span{Start: Beginning, End: End}

// IsGlobal reports whether s holds all of time.
func (s Span) IsGlobal() bool { return s == Global }

// String renders the span as an ISO 8601 interval, or as "global".
func (s Span) String() string {
	switch {
	case s.IsGlobal():
		return "global"
	case s.End-s.Start == 1 && isCut(s.End):
		return cutText(s.End)
	}
	return stamp(s.Start) + "/" + stamp(s.End)
}

// MaxCuts is how many recorded cuts an input can have: their numbers stand where times do, in a millisecond of 1970
// that no record has as its time.
const MaxCuts = 1 << 20

func isCut(ns int64) bool { return 0 < ns && ns <= MaxCuts }

func cutText(ns int64) string { return "cut " + strconv.FormatInt(ns, 10) }

// Token renders the span as one subject token.
func (s Span) Token() string {
	if s.IsGlobal() {
		return "global"
	}
	return strconv.FormatInt(s.Start, 10) + "-" + strconv.FormatInt(s.End-s.Start, 10)
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// FrontierText renders a frontier: the instant before which everything has been seen.
func FrontierText(ns int64) string {
	switch ns {
	case Beginning:
		return ""
	case End:
		return "end"
	}
	if isCut(ns) {
		return cutText(ns)
	}
	return stamp(ns)
}

// Windowing assigns records to windows by event time. The zero value is the global window.
type Windowing struct {
	// Size is the length of the windows; 0 means the global window.
	Size time.Duration `json:"size,omitempty"`
	// Slide is the time from the start of one window to that of the next; 0 means Size.
	Slide time.Duration `json:"slide,omitempty"`
	// Offset moves the starts of all windows, by at least 0 and less than Slide.
	Offset time.Duration `json:"offset,omitempty"`
	// Gap makes sessions: the records of a key, each less than Gap after the one before. Size and Slide are 0 then.
	Gap time.Duration `json:"gap,omitempty"`
	// Cut makes windows from one recorded cut to the next, of an input whose time is the number of the cut: Size is 1.
	Cut bool `json:"cut,omitempty"`
	// Total keeps what a key had in the windows before: a window then holds everything up to its cut.
	Total bool `json:"total,omitempty"`
}

// Instants puts each instant into a window of its own: late or not is then a question of the instant alone.
var Instants = Windowing{Size: 1}

// Assign returns the last window that holds the instant.
func (w Windowing) Assign(instant int64) Span {
	if w.Gap > 0 {
		return Span{instant, instant + int64(w.Gap)} // of the record alone
	}
	if w.Size <= 0 {
		return Global
	}
	return w.Span(instant - floorMod(instant-int64(w.Offset), int64(w.slide()))) // event times are far enough from the ends
}

// Until returns the instant up to which s, which Assign returned, is the last window that holds an instant. Sessions have none.
func (w Windowing) Until(s Span) int64 {
	if w.Size <= 0 {
		return s.End
	}
	return s.Start + int64(w.slide()) // event times are far enough from the ends
}

// Due is the frontier at which a record of the window is late: the end of the window. In sessions it is the instant behind
// the record: one that trails the frontier may belong to a session that is sealed, even if by itself it would reach beyond.
func (w Windowing) Due(s Span) int64 {
	if w.Gap > 0 {
		return s.Start + 1
	}
	return s.End
}

// Before returns the window before s that holds the instant too; ok is false if there is none.
func (w Windowing) Before(s Span, instant int64) (before Span, ok bool) {
	if w.Size <= 0 || s.Start < Beginning+int64(w.slide()) {
		return s, false
	}
	before = w.Span(s.Start - int64(w.slide()))
	return before, instant < before.End
}

// Overlap is how many windows hold an instant, at the most.
func (w Windowing) Overlap() int {
	if w.Size <= 0 {
		return 1
	}
	return int((w.Size + w.slide() - 1) / w.slide())
}

func (w Windowing) slide() time.Duration { return cmp.Or(w.Slide, w.Size) }

// Span returns the window that begins at start.
func (w Windowing) Span(start int64) Span {
	if w.Size <= 0 {
		return Global
	}
	if start > End-int64(w.Size) { // the last one of all, where the facts of the global window are
		return Span{Start: start, End: End}
	}
	return Span{Start: start, End: start + int64(w.Size)}
}

func (w Windowing) String() string {
	switch {
	case w.Total:
		return "up to each recorded cut"
	case w.Cut:
		return "between recorded cuts"
	}
	if w.Gap > 0 {
		return fmt.Sprintf("gap %s session", w.Gap)
	}
	if w.Size <= 0 {
		return "global"
	}
	text := fmt.Sprintf("tumbling %s", w.Size)
	if w.slide() != w.Size {
		text = fmt.Sprintf("hopping %s every %s", w.Size, w.Slide)
	}
	if w.Offset != 0 {
		text += fmt.Sprintf(" from %s", w.Offset)
	}
	return text
}

func floorMod(a, b int64) int64 {
	if m := a % b; m < 0 {
		return m + b
	} else {
		return m
	}
}
