package operators

import (
	"cmp"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
)

// Windows is a way to cut event time into windows. Its zero value is the global window.
type Windows struct{ windowing plan.Windowing }

// Tumbling cuts event time into windows of the given size, one after the other, aligned to 1970-01-01T00:00:00Z.
func Tumbling(size time.Duration) Windows {
	if size <= 0 {
		size = -1 // told from the global window, and refused where it is used
	}
	return Windows{plan.Windowing{Size: size}}
}

// Hopping cuts event time into windows of the given size, one of which begins every slide, aligned to 1970-01-01T00:00:00Z. Windows
// overlap, and a record counts in each that holds it; how many those are is limited to a thousand. A record that is late
// for some of them goes to the late stream once, for all of them, and counts in the others.
func Hopping(size, slide time.Duration) Windows {
	if slide <= 0 || slide > size || size/slide > maxOverlap {
		size = -1 // refused where it is used
	}
	return Windows{plan.Windowing{Size: size, Slide: slide}}
}

// Offset moves the starts of tumbling or hopping windows: days that begin at 16:00 UTC, which is midnight in China, are
// Tumbling(24*time.Hour).Offset(16*time.Hour), or Offset(-8*time.Hour), which is the same. What counts is the remainder of a division by the
// distance between two starts. Other windows begin where their records are, and have no offset.
func (w Windows) Offset(by time.Duration) Windows {
	if w.windowing.Size < 0 {
		return w // a mistake already
	}
	slide := cmp.Or(w.windowing.Slide, w.windowing.Size)
	if slide == 0 {
		return Windows{plan.Windowing{Size: noOffset}}
	}
	w.windowing.Offset = ((w.windowing.Offset+by%slide)%slide + slide) % slide
	return w
}

// noOffset stands for windows that have no offset and were given one. It is refused where it is used.
const noOffset = -2

// Sessions puts the records of a key into one window as long as each is less than gap, in event time, after the one before.
// A session begins at its first record and ends gap after its last one; records exactly gap apart are two sessions.
//
// A record that trails the latest of its shard by more than the lateness of the seal is late, also if it would reach a session
// that is open: what it belongs to could have been sealed.
//
// Sessions grow and merge as records arrive, also between records that are there. So a [Threshold] over them yields the key
// once for each session known at the time, and names as its window the instant of the record that made it true,
// which lies inside the session whatever that becomes.
func Sessions(gap time.Duration) Windows {
	if gap <= 0 {
		return Windows{plan.Windowing{Size: -1}} // refused where it is used
	}
	return Windows{plan.Windowing{Gap: gap}}
}

// Cuts puts each record into the window that ends at the recorded cut that follows it in its shard. The input must have
// cuts, see pipeline.Source.Cuts. Seal it with [RecordedCut].
func Cuts() Windows { return Windows{plan.Windowing{Size: 1, Cut: true}} }

// UpToCut is Cuts with all that was there before: at each cut the state of a key that has changed since the last one is that of
// all records up to the cut. It is a view of a state that never ends, such as balances, at a moment that all shards agree on.
// A [Threshold] over it is refused: a state without windows answers it at once.
func UpToCut() Windows { return Windows{plan.Windowing{Size: 1, Cut: true, Total: true}} }

// maxOverlap is how many windows can hold an instant: each record costs as many updates.
const maxOverlap = 1000

// GlobalWindow is the one window that holds all of time. It is sealed by the end of bounded input, or key by key: see [Keys].
func GlobalWindow() Windows { return Windows{} }

// Window puts each record into the window that holds its event time.
func Window[K Key, T any](in Keyed[K, T], w Windows) Keyed[K, T] {
	n := derive(plan.OfKeyed(in), plan.KindWindow, "window")
	if n == nil {
		return Keyed[K, T]{}
	}
	if w.windowing.Size == noOffset {
		n.Graph().Fail(n.Site, "window: only tumbling and hopping windows have an offset; sessions and the global window begin where their records are")
	} else if w.windowing.Size < 0 {
		n.Graph().Fail(n.Site, "window: the size of a window must be positive, and the gap of sessions; the slide of hopping windows too, not above the size, and not below a thousandth of it")
	}
	if max(w.windowing.Size, w.windowing.Gap) > plan.MaxWindow {
		n.Graph().Fail(n.Site, "window: the size of a window can be %s at most", plan.MaxWindow)
	}
	above := plan.OfKeyed(in)
	if above.Kind == plan.KindWindow {
		n.Graph().Fail(n.Site, "window: the stream has windows already, from %s", above.Site)
	}
	n.KeyName, n.Typed, n.Windowing, n.Detail = above.KeyName, above.Typed, w.windowing, w.windowing.String()
	return plan.NewKeyed[K, T](n)
}
