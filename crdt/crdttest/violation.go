package crdttest

import (
	"errors"
	"fmt"
	"strings"
)

// Law names one obligation of a lattice or of an upward-closed set.
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
	// LawUpwardClosed: an UpSet that holds for a holds for a ⊔ b, and asking does not change the state.
	LawUpwardClosed Law = "set is upward closed"
	// LawDecompose: the parts of a value merge back to it, none is below the merge of the others, and none comes apart further.
	LawDecompose Law = "parts are irreducible and irredundant"
	// LawDelta: a.Delta(b) is the merge of the parts of a that are not below b.
	LawDelta Law = "delta is the least difference"
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

func (r *report) err() error { return errors.Join(r.errs...) }
