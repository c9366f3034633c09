package invariants

import "fmt"

// Check panics with the message if cond is false and Enabled is true; otherwise it does nothing.
//
// The arguments are evaluated in every build. Where computing them costs something, put the call
// behind `if invariants.Enabled`.
func Check(cond bool, format string, args ...any) {
	if Enabled && !cond {
		panic("invariant broken: " + fmt.Sprintf(format, args...))
	}
}
