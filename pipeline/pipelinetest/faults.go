package pipelinetest

import (
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// faults are the places at which the tests of this package break the engine and the server in memory, to see that each
// fault is found. Everywhere else they are nil. What they need to remember they keep for one run.
type faults struct {
	// env changes what a shard is told of itself.
	env func(o *owner, env *shard.Env)
	// restore changes what an owner gets of the checkpoint that it starts from.
	restore func(w *world, o *owner, from *saved) *saved
	// read changes what an owner is given of its log.
	read func(w *world, o *owner, messages []plan.Message) []plan.Message
	// publish changes what becomes of an envelope: it returns what is stored.
	publish func(w *world, o *owner, e shard.Envelope) []shard.Envelope
	// identity changes the name under which a result is stored.
	identity func(o *owner, identity string) string
	// early takes checkpoints before the outputs are stored, and unfenced commits them whoever was faster.
	early, unfenced bool
}
