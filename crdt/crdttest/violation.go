package crdttest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Law names one obligation of a lattice, of what changes it, or of a question about it.
type Law string

// The laws. See [crdt.Lattice] for what they are good for.
const (
	// LawEncoding: AppendBinary succeeds, appends at least a version byte, and always appends the same.
	LawEncoding Law = "encoding is deterministic"
	// LawRoundTrip: UnmarshalBinary reads what AppendBinary wrote, into any receiver, and keeps no part of its input.
	LawRoundTrip Law = "encoding round-trips"
	// LawCanonical: UnmarshalBinary accepts only what AppendBinary writes.
	LawCanonical Law = "one encoding a value"
	// LawUntouched: a failed UnmarshalBinary leaves the receiver as it was, and does not panic.
	LawUntouched Law = "failed decode leaves the receiver untouched"
	// LawBottom: merging with the zero value changes nothing.
	LawBottom Law = "zero value is bottom"
	// LawIdempotent: a ⊔ a = a.
	LawIdempotent Law = "merge is idempotent"
	// LawCommutative: a ⊔ b = b ⊔ a.
	LawCommutative Law = "merge is commutative"
	// LawAssociative: (a ⊔ b) ⊔ c = a ⊔ (b ⊔ c).
	LawAssociative Law = "merge is associative"
	// LawGrowth: Merge returns true exactly if other was not below the receiver.
	LawGrowth Law = "growth is reported exactly"
	// LawOrder: a ≤ b, meaning b ⊔ a = b, is a partial order and a ⊔ b is the least value above both.
	LawOrder Law = "order agrees with merge"
	// LawReadOnly: Merge does not change other.
	LawReadOnly Law = "merge leaves other untouched"
	// LawNoAlias: after Merge, changing one of the two does not change the other.
	LawNoAlias Law = "merge shares no memory"
	// LawMemory: UnmarshalBinary allocates no more than [MemoryBase] plus [MemoryFactor] for each byte of its input.
	LawMemory Law = "decoding takes memory in proportion to its input"
	// LawZeroValue: the zero value answers like a decoded bottom, and no method panics on it or for it.
	LawZeroValue Law = "zero value is usable"
	// LawConfluent: values merged in any order, any grouping and any number of times give one state.
	LawConfluent Law = "merging is confluent"
	// LawUpwardClosed: an UpSet that holds for a holds for a ⊔ b, and asking does not change the state.
	LawUpwardClosed Law = "set is upward closed"
	// LawDecompose: the parts of a value merge back to it, none is below the merge of the others, and none comes apart further.
	LawDecompose Law = "parts are irreducible and irredundant"
	// LawDelta: a.Delta(b) is the merge of the parts of a that are not below b.
	LawDelta Law = "delta is the least difference"
	// LawSettled: a settled value stays settled and changes no more, except to a reported conflict.
	LawSettled Law = "settled value stays"
	// LawInflationary: an update leaves the state at or above where it was.
	LawInflationary Law = "update is inflationary"
	// LawMutator: a state merged with the delta of its update is the updated state, and the delta holds nothing that the state had.
	LawMutator Law = "update is the merge of its delta"
	// LawPure: a function depends on the values of its arguments alone, changes none, and its outcome shares no memory with them.
	LawPure Law = "function is pure"
	// LawMonotone: a ≤ b implies f(a) ≤ f(b).
	LawMonotone Law = "function is monotone"
	// LawMorphism: f(a ⊔ b) = f(a) ⊔ f(b).
	LawMorphism Law = "function is a morphism"
	// LawBimorphism: f(a ⊔ b, c) = f(a, c) ⊔ f(b, c), and f(a, b ⊔ c) = f(a, b) ⊔ f(a, c).
	LawBimorphism Law = "function is a bimorphism"
	// LawBottomKept: f of the bottom is the bottom.
	LawBottomKept Law = "function keeps the bottom"
	// LawLowerBound: a ≤ b implies that the answer for a is not above the answer for b.
	LawLowerBound Law = "answer only grows"
)

// Violation is a law that was found broken, with the values that break it. It is an error.
type Violation struct {
	// Law is what is broken.
	Law Law
	// Detail says how, in terms of the witnesses a, b, c …
	Detail string
	// Witnesses are the encodings of a, b, c … in this order.
	Witnesses [][]byte
}

// Error names the law, says how it is broken and shows the witnesses in hexadecimal.
func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "crdttest: broken law %q: %s", string(v.Law), v.Detail)
	for i, w := range v.Witnesses {
		fmt.Fprintf(&b, "\n\t%c = 0x%x", 'a'+i, w)
	}
	return b.String()
}

// ErrVacuous is returned by a check that could not have failed, because the samples do not exercise it.
var ErrVacuous = errors.New("crdttest: the samples check nothing")

var errOnlyBottom = fmt.Errorf("%w: add one above the bottom", ErrVacuous)

// fail reports err, if there is one.
func fail(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// report collects at most one violation of each law: the first says enough.
type report struct {
	broken map[Law]bool
	errs   []error
}

func (r *report) add(law Law, detail string, witnesses ...[]byte) {
	if r.broken[law] {
		return
	}
	if r.broken == nil {
		r.broken = make(map[Law]bool)
	}
	r.broken[law] = true
	r.errs = append(r.errs, &Violation{Law: law, Detail: detail, Witnesses: witnesses})
}

// take adds what another report found, with the same limit.
func (r *report) take(other *report) {
	for _, err := range other.errs {
		if v := (*Violation)(nil); errors.As(err, &v) {
			r.add(v.Law, v.Detail, v.Witnesses...)
		}
	}
}

func (r *report) err() error { return errors.Join(r.errs...) }
