package plan

import (
	"errors"
	"fmt"
)

// bounds checks that lower bounds are written and nothing else: which of them there are depends on the order of the log.
func bounds(n *Node) error {
	var errs []error
	for _, out := range n.Out {
		if out.Kind != KindWrite {
			errs = append(errs, fmt.Errorf("%s: %s: it takes the lower bounds of %s for records, but which of them there are says nothing about the input; "+
				"write them, or put a Threshold or a Seal in place of the Bounds", out.Site, out.Label(), n.In[0].Name))
		}
	}
	return errors.Join(errs...)
}
