package pipelinetest

import (
	"fmt"

	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// certify stores the certificate of a window, and finds two owners who have sealed different things in one.
func (w *world) certify(o *owner, c *shard.Certificate) error {
	window := fmt.Sprintf("%v %s %s", o.id, c.Node.Name, c.Window)
	if c.Valued {
		window += fmt.Sprintf(" %q", c.Value)
	}
	content := fmt.Sprintf("%d keys, digest %016x", c.Keys, c.Digest)
	if before, ok := w.sealed[window]; ok && before != content {
		return broken(differs, "two owners of %v have sealed different things in window %s of %s: %s and %s", o.id, c.Window, c.Node.Name, before, content)
	}
	w.sealed[window] = content
	return nil
}
