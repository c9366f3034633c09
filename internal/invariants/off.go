//go:build !race && !invariants

package invariants

// Enabled says whether this build checks invariants. It is a constant, so that
// the compiler drops `if invariants.Enabled { ... }` from a build that does not.
const Enabled = false
