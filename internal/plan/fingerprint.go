package plan

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// FormatVersion is the version of everything durable that the engine writes: state entries, envelopes, shard
// metadata. Raising it begins a new epoch for every pipeline.
const FormatVersion = 1

// fingerprint identifies what determines the state and the results of a pipeline: the graph with its names, key attributes,
// windows, seals and state types, the inputs and the partition counts, the formats, and the version that the author
// declares. Bodies of functions cannot be seen, which is what the declared version is for. Where the results go does
// not matter.
func fingerprint(p *Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "calmstream %d\n%q %q\n", FormatVersion, p.Graph.Name, p.Graph.Version)
	for _, n := range p.Graph.Nodes {
		fmt.Fprintf(&b, "%d %s %q %q %q %q", n.ID, n.Op, n.Name, n.KeyName, n.State, n.Detail)
		for _, in := range n.In {
			fmt.Fprintf(&b, " <%d", in.ID)
		}
		if n.Kind == KindKeyBy && n.Typed != nil {
			fmt.Fprintf(&b, " %s", keyClass(reflect.TypeOf(n.Typed).Out(0)))
		}
		if n.Kind == KindJoin {
			b.WriteString(" layout 2") // of its state entries
		}
		if n.CodecName != "" {
			fmt.Fprintf(&b, " codec %q", n.CodecName)
		}
		if n.Source != nil {
			fmt.Fprintf(&b, " %q %q", n.Source.Stream, n.Source.Filters)
			if len(n.Source.Producers) > 0 {
				fmt.Fprintf(&b, " producers %q", n.Source.Producers)
			}
		}
		b.WriteByte('\n')
	}
	for _, s := range p.Stages {
		fmt.Fprintf(&b, "stage %s %d\n", s.Name, s.Shards)
	}
	return fmt.Sprintf("%016x", xxhash.Sum64String(b.String()))
}

// keyClass says how keys are encoded: another class would not find, or would misread, what the former has stored.
func keyClass(key reflect.Type) string {
	switch key.Kind() {
	case reflect.String:
		return "string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "signed"
	default: // the constraint leaves no other
		return "unsigned"
	}
}

// Epoch is the token that stands for the fingerprint in keys and subjects.
func (p *Plan) Epoch() string { return "e" + p.Fingerprint }
