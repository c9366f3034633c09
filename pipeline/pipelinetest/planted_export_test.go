package pipelinetest

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// RunPlanted is Run with a fault planted in the engine or the server in memory; the empty name plants none. What it finds it
// makes shorter only if asked.
func RunPlanted(fault string, build func() *pipeline.Pipeline, logs []Log, o Options, shorter bool) error {
	s := newSearch(build, o)
	s.asDrawn = !shorter
	if fault != "" {
		if s.planted = plants[fault]; s.planted == nil {
			return nil // a fault that nobody has planted is not found
		}
	}
	_, err := s.run(logs)
	return err
}

// plants makes the faults of one run. See TestPlantedFaultsAreFound.
var plants = map[string]func() faults{
	"origin is the worker": func() faults {
		return faults{env: func(o *owner, env *shard.Env) { env.ID.Stage += fmt.Sprint("#", o.number) }}
	},
	"redelivery": func() faults {
		return faults{read: func(_ *world, o *owner, in []plan.Message) []plan.Message {
			if o.stage.Exchanged() {
				return in
			}
			return append(slices.Clone(in), in[len(in)-1])
		}}
	},
	"parallel pull": func() faults {
		return faults{read: func(_ *world, o *owner, in []plan.Message) []plan.Message {
			return overtaking(in, o.stage.Exchanged())
		}}
	},
	"own interleaving": func() faults {
		return faults{read: func(_ *world, o *owner, in []plan.Message) []plan.Message {
			return overtaking(in, !o.stage.Exchanged() || o.number == 0)
		}}
	},
	"checkpoints joined": func() faults {
		return faults{restore: func(w *world, o *owner, from *saved) *saved {
			newest := w.checkpoints[o.id][len(w.checkpoints[o.id])-1]
			return &saved{position: from.position, meta: from.meta, segments: slices.Concat(from.segments, newest.segments)}
		}}
	},
	"high-water mark": func() faults { return renumbered(func(number, next uint64) bool { return number < next }) },
	"no memory of numbers": func() faults {
		return renumbered(func(uint64, uint64) bool { return false })
	},
	"unfenced": func() faults { return faults{unfenced: true} },
	"purged log": func() faults {
		return faults{read: func(w *world, o *owner, in []plan.Message) []plan.Message {
			known := w.checkpoints[o.id]
			if len(known) == 0 || o.base != nothing {
				return in
			}
			first := slices.IndexFunc(in, func(m plan.Message) bool { return m.Seq > uint64(known[len(known)-1].position) })
			if first < 0 {
				return nil
			}
			return in[first:]
		}}
	},
	"recreated stream": func() faults {
		return faults{read: func(w *world, o *owner, in []plan.Message) []plan.Message {
			if o.base == nothing || o.stage.Exchanged() {
				return in
			}
			log, out := w.logs[o.id], slices.Clone(in)
			for i := range out {
				if other := len(log) - 1 - int(out[i].Seq); other >= 0 {
					out[i].Data = log[other].Data
				}
			}
			return out
		}}
	},
	"frontier before its number": func() faults {
		return faults{read: injecting(func(_ *owner, e envelope) []envelope {
			return []envelope{{producer: e.producer, first: 1, frontier: e.frontier}, e}
		})}
	},
	"subset of producers": func() faults {
		return faults{read: injecting(func(_ *owner, e envelope) []envelope {
			return []envelope{e, {producer: 1, first: 1, frontier: plan.End}}
		})}
	},
	"seal from silence": fromSilence,
	"zombie with fewer inputs": func() faults {
		return faults{restore: func(_ *world, _ *owner, from *saved) *saved {
			return &saved{position: from.position, meta: from.meta, segments: from.segments[:len(from.segments)-1]}
		}}
	},
	"lost publish": func() faults { // nobody's envelope with record 10 arrives, unless all is plain
		return faults{publish: func(w *world, _ *owner, e shard.Envelope) []shard.Envelope {
			if head := openEnvelope(e.Data); w.perShard > 1 && head.first <= 10 && 10 < head.first+head.count {
				return nil
			}
			return []shard.Envelope{e}
		}}
	},
	"key moves": func() faults {
		return faults{publish: func(_ *world, o *owner, e shard.Envelope) []shard.Envelope {
			if o.base != nothing {
				e.Partition = (e.Partition + 1) % e.To.Shards
			}
			return []shard.Envelope{e}
		}}
	},
	"result named by its worker": func() faults {
		return faults{identity: func(o *owner, identity string) string { return fmt.Sprint(identity, " of owner ", o.number) }}
	},
	"key forgotten": func() faults { // the last one of a checkpoint
		return faults{restore: func(_ *world, _ *owner, from *saved) *saved {
			var entries [][]byte
			for _, chunk := range from.segments[0].Chunks {
				_ = checkpoint.Entries(chunk, func(entry []byte) error {
					entries = append(entries, entry)
					return nil
				})
			}
			var to checkpoint.SegmentWriter
			for _, e := range entries[:len(entries)-1] {
				_ = to.Add(e)
			}
			return &saved{position: from.position, meta: from.meta, segments: []checkpoint.Segment{to.Finish("less", true)}}
		}}
	},
	"checkpoint before outputs": func() faults { return faults{early: true} },
	"truncated state": func() faults {
		return faults{restore: func(_ *world, _ *owner, from *saved) *saved {
			cut := &saved{position: from.position, meta: from.meta, segments: slices.Clone(from.segments)}
			for i, seg := range cut.segments {
				cut.segments[i].Chunks = slices.Clone(seg.Chunks)
				for n, chunk := range seg.Chunks {
					cut.segments[i].Chunks[n] = chunk[:len(chunk)-1]
				}
			}
			return cut
		}}
	},
	"position apart from state": func() faults {
		return faults{restore: func(w *world, o *owner, from *saved) *saved {
			return &saved{position: from.position, meta: from.meta, segments: w.checkpoints[o.id][0].segments}
		}}
	},
}

// overtaking lets messages of a batch overtake their neighbours: positions stay, contents move.
func overtaking(in []plan.Message, not bool) []plan.Message {
	if not {
		return in
	}
	out := slices.Clone(in)
	for i := 0; i+1 < len(out); i += 2 {
		if out[i].Header == nil && out[i+1].Header == nil {
			out[i].Data, out[i+1].Data = out[i+1].Data, out[i].Data
		}
	}
	return out
}

// envelope is one of an exchange, taken apart as package exchange writes it.
type envelope struct {
	producer, first, count uint64
	frontier               int64
	records                []byte
}

func openEnvelope(data []byte) (e envelope) {
	rest := data[1:]
	for _, field := range []*uint64{&e.producer, &e.first, &e.count} {
		v, n := binary.Uvarint(rest)
		*field, rest = v, rest[n:]
	}
	frontier, n := binary.Varint(rest)
	e.frontier, e.records = frontier, rest[n:]
	return e
}

func (e envelope) bytes() []byte {
	b := []byte{1}
	for _, v := range []uint64{e.producer, e.first, e.count} {
		b = binary.AppendUvarint(b, v)
	}
	return append(binary.AppendVarint(b, e.frontier), e.records...)
}

// injecting puts other envelopes in the place of each that a shard behind an exchange reads.
func injecting(into func(o *owner, e envelope) []envelope) func(*world, *owner, []plan.Message) []plan.Message {
	return func(_ *world, o *owner, in []plan.Message) (out []plan.Message) {
		if !o.stage.Exchanged() {
			return in
		}
		for _, m := range in {
			for _, e := range into(o, openEnvelope(m.Data)) {
				m.Data = e.bytes()
				out = append(out, m)
			}
		}
		return out
	}
}

// renumbered is a receiver that decides by itself which numbers it has had, given the one behind the highest of the producer: what it
// takes gets the number that package exchange expects.
func renumbered(had func(number, next uint64) bool) faults {
	type counts struct{ next, given uint64 }
	memory := make(map[*owner]map[uint64]*counts)
	return faults{read: injecting(func(o *owner, e envelope) []envelope {
		if memory[o] == nil {
			memory[o] = make(map[uint64]*counts)
		}
		c := memory[o][e.producer]
		if c == nil {
			c = &counts{next: 1, given: 1}
			if o.base != nothing {
				c.next, c.given = e.first, e.first // near enough: what it had is forgotten
			}
			memory[o][e.producer] = c
		}
		taken := envelope{producer: e.producer, first: c.given, frontier: e.frontier}
		rest := e.records
		for i := range e.count {
			size, n := binary.Uvarint(rest)
			whole := rest[:n+int(size)]
			rest = rest[len(whole):]
			if !had(e.first+i, c.next) {
				taken.records = append(taken.records, whole...)
				taken.count++
			}
		}
		c.given += taken.count
		c.next = max(c.next, e.first+e.count)
		return []envelope{taken}
	})}
}

// fromSilence takes a producer of which nothing has come for a while for one that has nothing to say.
func fromSilence() faults {
	heard := make(map[*owner]map[uint64]int)
	return faults{read: injecting(func(o *owner, e envelope) []envelope {
		if heard[o] == nil {
			heard[o] = make(map[uint64]int)
		}
		heard[o][e.producer] = 0
		out := []envelope{e}
		for p := range uint64(o.stage.Producers()) {
			if heard[o][p]++; heard[o][p] > 4 {
				out = append(out, envelope{producer: p, first: 1, frontier: e.frontier})
			}
		}
		return out
	})}
}

// ReplayPlanted replays a history with a fault planted.
func ReplayPlanted(fault string, build func() *pipeline.Pipeline, h *History) error {
	s := newSearch(build, Options{})
	s.planted = plants[fault]
	return planted(s, h)
}

func planted(s *search, h *History) error {
	want, err := s.plain(h.Logs)
	if err == nil {
		err = s.replay(h, want)
	}
	return err
}

// OtherProgram plants a second program under the same names, that every second owner runs.
func OtherProgram(build, other func() *pipeline.Pipeline, logs []Log, o Options) error {
	_, err := twoPrograms(build, other, o).run(logs)
	return err
}

// ReplayOther replays a history with a second program, that every second owner runs.
func ReplayOther(build, other func() *pipeline.Pipeline, h *History) error {
	return planted(twoPrograms(build, other, Options{}), h)
}

func twoPrograms(build, other func() *pipeline.Pipeline, o Options) *search {
	s := newSearch(build, o)
	s.asDrawn = true
	s.planted = func() faults {
		return faults{env: func(o *owner, env *shard.Env) {
			if p, err := other().Plan(); err == nil && o.number == 1 {
				env.Plan = p
				env.Stage = p.Stages[slices.IndexFunc(p.Stages, func(s *plan.Stage) bool { return s.Name == o.stage.Name })]
			}
		}}
	}
	return s
}

// PerBatch is an operator that counts, wrongly, what it is given at a time.
func PerBatch(in operators.Stream[string]) operators.Stream[int] {
	return wrong(in, func(out plan.Consumer[int], _ *plan.Runtime, _ int64, b *plan.Batch[string]) {
		var counts plan.Batch[int]
		counts.Add(b.Meta[0], b.Len())
		out.Consume(&counts)
	})
}

// LateHere is an operator that decides, wrongly, where several shards have met, what is late.
func LateHere(in operators.Stream[string]) operators.Stream[string] {
	return wrong(in, func(out plan.Consumer[string], rt *plan.Runtime, frontier int64, b *plan.Batch[string]) {
		var kept plan.Batch[string]
		for i, m := range b.Meta {
			if m.Time < frontier {
				rt.Reject(plan.Rejected{Meta: m, Late: true, Node: plan.OfStream(in), Err: fmt.Errorf("late by the frontier of all")})
				continue
			}
			kept.Add(m, b.Val[i])
		}
		out.Consume(&kept)
	})
}

// wrong makes an operator of a function that sees what no operator must use: batches, and the frontier of its moment.
func wrong[A, B any](in operators.Stream[A], f func(out plan.Consumer[B], rt *plan.Runtime, frontier int64, b *plan.Batch[A])) operators.Stream[B] {
	above := plan.OfStream(in)
	n := &plan.Node{Kind: plan.KindMap, Op: "wrong", In: []*plan.Node{above}}
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		to, ok := down[0].(plan.Consumer[B])
		if !ok {
			return nil, fmt.Errorf("%T takes other records", down[0])
		}
		return &wrongly[A, B]{rt: rt, down: to, frontier: plan.Beginning, f: f}, nil
	}
	above.Graph().Add(n)
	return plan.NewStream[B](n)
}

type wrongly[A, B any] struct {
	rt       *plan.Runtime
	down     plan.Consumer[B]
	frontier int64
	f        func(out plan.Consumer[B], rt *plan.Runtime, frontier int64, b *plan.Batch[A])
}

func (k *wrongly[A, B]) Consume(b *plan.Batch[A]) { k.f(k.down, k.rt, k.frontier, b) }
func (k *wrongly[A, B]) Advance(frontier int64) {
	k.frontier = frontier
	k.down.Advance(frontier)
}
