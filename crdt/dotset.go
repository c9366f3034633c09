package crdt

import "encoding/json"

// DotSet is a store of dots and nothing else (Almeida, Shoker, Baquero, JPDC 2018, §7.3). A flag is one, and so is each
// element of an add-wins set in the paper. See [DotStore] for how it merges. The zero DotSet is empty.
//
// It is 32 bytes and 16 for each dot. All operations are O(log n), but for Renew, Clear and Dots.
type DotSet struct {
	dotValues[struct{}, noValue]
}

// Renew takes all dots out and puts in a fresh one. O(number of dots), of which there is normally one.
func (s *DotSet) Renew(c *Clock) { s.replace(c, struct{}{}) }

// MarshalJSON shows the dots as an array, by origin and number.
func (s DotSet) MarshalJSON() ([]byte, error) {
	names := []string{}
	for e := range s.table.all {
		names = append(names, e.d.String())
	}
	return json.Marshal(names)
}
