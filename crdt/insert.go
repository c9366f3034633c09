package crdt

// insertAt inserts e at i and returns the slice, as slices.Insert does for one element. It is compiled for every type of
// element and key, and slices.Insert is many times as long, with all that it calls for what overlaps. O(len(s)).
func insertAt[E any](s []E, i int, e E) []E {
	var zero E
	s = append(s, zero)
	copy(s[i+1:], s[i:])
	s[i] = e
	return s
}
