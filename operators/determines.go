package operators

import (
	"strings"

	"github.com/calmstream/calmstream/internal/plan"
)

// Determines says that each key has one value of another attribute, and which: that the key determines it. Then a state by this key can
// be sealed by what is promised of the attribute (see [Keys]): if each ad belongs to one campaign, the clicks of an ad are complete when
// those of its campaign are. Several attributes can be a key together: with a key that is made of both, "42/car", each of them follows
// from it. It returns the stream.
//
// The function is one of the key alone, and so defines the attribute; a state of several streams takes that of the first. If records have it too, [AssertDetermines] holds them against it.
func Determines[K, A Key, T any](in Keyed[K, T], attribute string, of func(K) A) Keyed[K, T] {
	determines[K, A](plan.OfKeyed(in), plan.Site(1), "determines", attribute, of, nil)
	return in
}

// AssertDetermines is [Determines] where records have the attribute too, and the function of the key only claims to know it: as a
// table of the ads of each campaign does. A record that says otherwise goes to the dead letters: what is promised of its own value says
// nothing of its key.
func AssertDetermines[K, A Key, T any](in Keyed[K, T], attribute string, of func(K) A, own func(T) A) Keyed[K, T] {
	n, site := plan.OfKeyed(in), plan.Site(1)
	if own == nil && n != nil {
		n.Graph().Fail(site, "assert-determines: the function is nil")
		return in
	}
	text := plan.KeyCodecOf[A]().Text
	determines[K, A](n, site, "assert-determines", attribute, of, func(v T) string { return text(own(v)) })
	return in
}

func determines[K, A Key](n *plan.Node, site, op, attribute string, of func(K) A, own any) {
	switch {
	case n == nil:
		return
	case of == nil:
		n.Graph().Fail(site, "%s: the function is nil", op)
		return
	case !plan.ValidName(attribute):
		n.Graph().Fail(site, "%s: the name %q must be 1 to 64 letters, digits, '-' or '_'", op, attribute)
		return
	case attribute == n.KeyName:
		n.Graph().Fail(site, "%s: %s is the key itself, which determines itself", op, attribute)
		return
	}
	for _, d := range n.Determines {
		if d.Attribute == attribute {
			n.Graph().Fail(site, "%s: it is declared already that the key determines %s", op, attribute)
			return
		}
	}
	text, claim := plan.KeyCodecOf[A]().Text, "determines "+attribute
	if own != nil {
		claim = "asserted: " + claim
	}
	n.Detail = strings.TrimPrefix(n.Detail+"; "+claim, "; ")
	n.Determines = append(n.Determines, plan.Dependency{Attribute: attribute, OfKey: func(k K) string { return text(of(k)) }, OfRecord: own})
}
