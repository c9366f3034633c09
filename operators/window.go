package operators

import (
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

// GlobalWindow is the one window that holds all of time. It can only be sealed by the end of bounded input.
func GlobalWindow() Windows { return Windows{} }

// Window puts each record into the window that holds its event time.
func Window[K Key, T any](in Keyed[K, T], w Windows) Keyed[K, T] {
	n := derive(plan.OfKeyed(in), plan.KindWindow, "window")
	if n == nil {
		return Keyed[K, T]{}
	}
	if w.windowing.Size < 0 {
		n.Graph().Fail(n.Site, "window: the size of a tumbling window must be positive")
	}
	if w.windowing.Size > plan.MaxWindow {
		n.Graph().Fail(n.Site, "window: the size of a tumbling window can be %s at most", plan.MaxWindow)
	}
	above := plan.OfKeyed(in)
	if above.Kind == plan.KindWindow {
		n.Graph().Fail(n.Site, "window: the stream has windows already, from %s", above.Site)
	}
	n.KeyName, n.Typed, n.Windowing, n.Detail = above.KeyName, above.Typed, w.windowing, w.windowing.String()
	return plan.NewKeyed[K, T](n)
}
