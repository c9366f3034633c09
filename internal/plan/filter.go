package plan

import "strings"

// overlaps returns two filters, by number, that some subject matches both: two shards would count its messages.
func overlaps(filters []string) (a, b int, found bool) {
	for b := range filters {
		for a := range b {
			if filters[a] == "" || filters[b] == "" || Overlap(filters[a], filters[b]) {
				return a, b, true
			}
		}
	}
	return 0, 0, false
}

// Overlap says whether some subject matches both subject patterns.
func Overlap(a, b string) bool {
	for {
		x, restA, moreA := strings.Cut(a, ".")
		y, restB, moreB := strings.Cut(b, ".")
		switch {
		case x == ">" || y == ">":
			return true
		case x != y && x != "*" && y != "*":
			return false
		case !moreA || !moreB:
			return moreA == moreB
		}
		a, b = restA, restB
	}
}

// Concrete returns a subject that a subject pattern matches: its wildcards become "seal". It is where the engine, and producers,
// publish to a shard what is no record.
func Concrete(pattern string) string {
	tokens := strings.Split(pattern, ".")
	for i, t := range tokens {
		if t == "*" || t == ">" {
			tokens[i] = "seal"
		}
	}
	return strings.Join(tokens, ".")
}
