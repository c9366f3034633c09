package seal

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// KeyHeaders returns the headers of the punctuation by which a producer promises that its first records, which t counts, hold everything
// with a value of an attribute. The value is the payload.
func KeyHeaders(producer, attribute string, t Tally) map[string][]string {
	h := Promise{Tally: t}.Headers(producer)
	h[Header], h[AttributeHeader] = []string{Key}, []string{attribute}
	return h
}

// ReadKeyPromise reads such a punctuation.
func ReadKeyPromise(h map[string][]string, value []byte) (t Tally, attribute string, err error) {
	attribute = get(h, AttributeHeader)
	switch {
	case !plan.ValidName(attribute):
		return t, "", fmt.Errorf("the header %s is %q; it must name the attribute whose value is complete", AttributeHeader, attribute)
	case len(value) > plan.MaxValueBytes:
		return t, "", fmt.Errorf("the value has %d bytes, more than the %d that a value can have that is promised", len(value), plan.MaxValueBytes)
	}
	t, err = readTally(h)
	return t, attribute, err
}
