package plan

import (
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// MaxValueBytes is the length of the longest value of an attribute, as text, that can be promised to be complete.
const MaxValueBytes = 1 << 10

// ValueID stands for a value of an attribute: 128 bits of hash, as long keys have in subjects, so that what is remembered of a value
// has one size.
type ValueID [16]byte

// Values makes the IDs of the values of one attribute.
type Values struct{ low, high xxhash.Digest }

// ValuesOf returns what makes the IDs of the values of an attribute.
func ValuesOf(attribute string) *Values {
	v := new(Values)
	v.low.Reset()
	v.high.ResetWithSeed(1)
	for _, d := range []*xxhash.Digest{&v.low, &v.high} {
		_, _ = d.WriteString(attribute) // names have no 0
		_, _ = d.Write([]byte{0})
	}
	return v
}

// ID returns the ID of a value, given as text.
func (v *Values) ID(text string) (id ValueID) {
	low, high := v.low, v.high
	_, _ = low.WriteString(text)
	_, _ = high.WriteString(text)
	for i, sum := 0, low.Sum64(); i < 8; i++ {
		id[i] = byte(sum >> (8 * i))
	}
	for i, sum := 0, high.Sum64(); i < 8; i++ {
		id[8+i] = byte(sum >> (8 * i))
	}
	return id
}

// Dependency says that each key of a keyed stream has one value of another attribute: in the words of databases, that the key
// determines it.
type Dependency struct {
	// Attribute is the name.
	Attribute string
	// OfKey is a func(K) string: the value of a key, as text.
	OfKey any
	// OfRecord is nil, or a func(T) string: what a record itself says that its value is. It must be that of its key, which is
	// checked for each record.
	OfRecord any
}

// dependencyOf returns what is declared of an attribute for a keyed stream, at its Window node or its KeyBy node.
func dependencyOf(keyed *Node, attribute string) (Dependency, bool) {
	for n := keyed; n != nil && (n.Kind == KindKeyBy || n.Kind == KindWindow); n = n.In[0] {
		for _, d := range n.Determines {
			if d.Attribute == attribute {
				return d, true
			}
		}
	}
	return Dependency{}, false
}

// DependencyOf returns by which functions the keys of an input of a state, which is sealed by an attribute, have a value of it: those
// declared for the input, but the function of the key from the first input, so that a state has one. It is the zero Dependency
// if the attribute is the key itself.
func (n *Node) DependencyOf(edge int) Dependency {
	if n.KeyName == n.Rule.Attribute {
		return Dependency{}
	}
	d, _ := dependencyOf(n.In[edge], n.Rule.Attribute)
	first, _ := dependencyOf(n.In[0], n.Rule.Attribute)
	d.OfKey = first.OfKey
	return d
}

// compatible reports whether a seal on an attribute is one of the keys of a state, and if not why. In the words of Blazes: whether the
// key of the state determines that of the seal.
func compatible(fold *Node, attribute string) (Cause, bool) {
	for _, in := range fold.In {
		if _, declared := dependencyOf(in, attribute); !declared && in.KeyName != attribute {
			return Cause{
				Node:   fold,
				Reason: fmt.Sprintf("its keys are those of %q, and nothing says that each of them has one %q: so that one is complete does not say that a key is", in.KeyName, attribute),
				Repair: fmt.Sprintf("promise what is complete on %q and seal with operators.Keys(%q), key by %q, or, if each %s has one %s, say so with operators.Determines, if need be with a key made of both", in.KeyName, in.KeyName, attribute, in.KeyName, attribute),
			}, false
		}
	}
	return Cause{}, true
}

// compatibility says of a seal by values why it seals the keys of its state.
func compatibility(n *Node) string {
	switch a := n.Rule.Attribute; a {
	case "":
		return ""
	case n.KeyName:
		return fmt.Sprintf("; Seal_%s is compatible, since it is the key", a)
	default:
		return fmt.Sprintf("; Seal_%s is compatible, since %s determines it", a, n.KeyName)
	}
}

// valued checks a state that is sealed by values of an attribute, and tells the inputs above it which attribute.
func valued(n *Node) error {
	attribute := n.Rule.Attribute
	if attribute == "" {
		return nil
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s: seal on %s: %s", n.Site, n.Label(), attribute, fmt.Sprintf(format, args...))
	}
	switch {
	case !ValidName(attribute):
		return fail("the name of the attribute must be 1 to 64 letters, digits, '-' or '_'")
	case n.Kind != KindFold || n.Derived:
		return fail("it is for the states of keys, which operators.Seal seals; this one waits for time, so use operators.Punctuation or operators.Watermark")
	case n.Windowing != Windowing{}:
		return fail("it has windows (%s), which are complete by time and not by %s; leave operators.Window out, or seal with operators.Punctuation", n.Windowing, attribute)
	}
	if cause, ok := compatible(n, attribute); !ok {
		return fail("label %s, because %s; instead: %s", Run, cause.Reason, cause.Repair)
	}
	for _, m := range n.lineage() {
		if m != n && m.Kind.stateful() {
			return fail("%s (%s) stands between it and its input, and what is complete there is not known behind it; seal that one, or use operators.EndOfInput", m.Label(), m.Site)
		}
	}
	for _, read := range n.reads() {
		if len(read.Source.Producers) == 0 {
			return fail("nobody can promise anything for %s (%s), which has no registered producers; name them in its Source.Producers", read.Label(), read.Site)
		}
		if s := read.Source; !slices.Contains(s.Attributes, attribute) {
			s.Attributes = append(s.Attributes, attribute)
			slices.Sort(s.Attributes)
		}
	}
	return nil
}

// sealedOn returns the attributes of which producers promise values for the records that leave a node.
func (p *Plan) sealedOn(n *Node) (attributes []string) {
	for _, m := range n.lineage() {
		switch {
		case m.Kind.stateful():
			return nil
		case m.Kind == KindRead:
			attributes = append(attributes, m.Source.Attributes...)
		}
	}
	slices.Sort(attributes)
	return slices.Compact(attributes)
}
