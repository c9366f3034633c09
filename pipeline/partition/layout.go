package partition

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Layout says how the messages of a stream are divided. The zero value is not valid.
type Layout struct {
	// Subject is the pattern of the subjects that are published to, such as "clicks.*.*": plain tokens and at least one *.
	Subject string
	// Tokens are the wildcards that decide, from 1 in their order: messages that agree in all of them are in one partition. Empty means
	// the first.
	Tokens []int
	// Partitions is how many there are, 1 to 4096.
	Partitions int
	// Prefix is the first part of the subjects of the stored messages, without wildcards: partition p of "clicks.*.*" is stored
	// as "<Prefix>.<p>.<first>.<second>".
	Prefix string
}

// maxPartitions bounds the consumers that a pipeline asks a server for.
const maxPartitions = 4096

// Of returns the partition, of n, of the tokens that decide: what the server's partition function returns, FNV-1a of the tokens
// one behind the other, modulo n. It panics if n is not positive.
func Of(n int, tokens ...string) int {
	h := fnv.New32a()
	for _, t := range tokens {
		_, _ = h.Write([]byte(t)) // never fails
	}
	return int(h.Sum32() % uint32(n))
}

// Err says what is wrong with the layout, nil if nothing is.
func (l Layout) Err() error {
	wildcards := 0
	for token := range strings.SplitSeq(l.Subject, ".") {
		switch {
		case token == "*":
			wildcards++
		case !plain(token):
			return fmt.Errorf("partition: the Subject %q must be plain tokens and *, joined with dots", l.Subject)
		}
	}
	if wildcards == 0 {
		return fmt.Errorf("partition: the Subject %q has no *, so that there is nothing to divide by", l.Subject)
	}
	for i, t := range l.Tokens {
		if t < 1 || t > wildcards || slices.Contains(l.Tokens[:i], t) {
			return fmt.Errorf("partition: Tokens %v: each must be one of the %d wildcards of %q, once", l.Tokens, wildcards, l.Subject)
		}
	}
	if l.Partitions < 1 || l.Partitions > maxPartitions {
		return fmt.Errorf("partition: Partitions is %d; it must be 1 to %d", l.Partitions, maxPartitions)
	}
	for token := range strings.SplitSeq(l.Prefix, ".") {
		if !plain(token) {
			return fmt.Errorf("partition: the Prefix %q must be plain tokens, joined with dots", l.Prefix)
		}
	}
	return nil
}

// plain says whether a token is one without wildcards, blanks and what the server reads as a function.
func plain(token string) bool {
	return token != "" && !strings.ContainsAny(token, "*> \t\r\n{}$")
}

// Subjects returns the filter of each partition, for pipeline.Source.Subjects.
func (l Layout) Subjects() []string {
	out := make([]string, max(0, l.Partitions))
	for p := range out {
		out[p] = l.Prefix + "." + strconv.Itoa(p) + ".>"
	}
	return out
}

// transform returns what the server does with a subject.
func (l Layout) transform() jetstream.SubjectTransformConfig {
	tokens := l.Tokens
	if len(tokens) == 0 {
		tokens = []int{1}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s.{{partition(%d", l.Prefix, l.Partitions)
	for _, t := range tokens {
		fmt.Fprintf(&b, ",%d", t)
	}
	b.WriteString(")}}")
	for i := range strings.Count(l.Subject, "*") {
		fmt.Fprintf(&b, ".{{wildcard(%d)}}", i+1)
	}
	return jetstream.SubjectTransformConfig{Source: l.Subject, Destination: b.String()}
}
