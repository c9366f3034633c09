package crdt

// Verdict says what an answer is worth: how final it is.
// The zero value is the weakest, so that an unmarked answer promises nothing.
type Verdict uint8

// The verdicts, from weakest to strongest.
const (
	// Provisional answers may be contradicted later; they taint all that is computed from them.
	Provisional Verdict = iota
	// LowerBound answers only grow.
	LowerBound
	// Stable answers are thresholds that have fired: they are never retracted.
	Stable
	// Final answers were read after the seal of everything they depend on: they never change.
	Final
)

// String returns the word used on the wire (the Calm-Verdict header).
func (v Verdict) String() string {
	switch v {
	case LowerBound:
		return "lower-bound"
	case Stable:
		return "stable"
	case Final:
		return "final"
	default:
		return "provisional"
	}
}
