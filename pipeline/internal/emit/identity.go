package emit

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// identity names the outputs of one shard. No part of a name comes from a worker or a clock.
type identity struct {
	pipeline, epoch string
	shard           checkpoint.ShardID
	incarnation     int64
	// domain is that of the server.
	domain string
}

// origin names the history that the counts of a state are of, the same for every owner: of this log, in this place, for this state.
func (id identity) origin(state *plan.Node) string {
	return fmt.Sprintf("%s/%s/%s/%x/%d", cmp.Or(id.domain, "-"), id.pipeline, state.Name, id.incarnation, id.shard.Shard)
}

// wholeWindow stands for the key in the path of a result that is about a whole window.
const wholeWindow = "_"

// record makes a result of a Write node a record for its sink.
func (id identity) record(p *plan.Plan, r *shard.Result) sinks.Record {
	verdict := p.WriteVerdict(r.Write)
	out := sinks.Record{
		Verdict:  verdict,
		Pipeline: id.pipeline,
		Payload:  r.Payload,
		Frontier: plan.FrontierText(r.Meta.Frontier),
	}
	if group := r.Meta.Group; group != nil {
		token := plan.KeyToken(group.Key)
		if group.Whole {
			token = wholeWindow
		}
		out.Key, out.Window = group.Key, group.Window.String()
		out.Path = id.epoch + "." + group.Window.Token() + "." + token
		out.ID = id.epoch + "/" + r.Write.Name + "/" + group.Window.Token() + "/" + token
		if r.Index > 0 {
			out.Path += "." + strconv.FormatUint(uint64(r.Index), 10)
			out.ID += "/" + strconv.FormatUint(uint64(r.Index), 10)
		}
		if branch := r.Meta.Branch; branch > 0 {
			out.Path += ".b" + strconv.FormatUint(uint64(branch), 10)
			out.ID += "/b" + strconv.FormatUint(uint64(branch), 10)
		}
		if out.Version = group.Version; out.Version > 0 { // the path is that of all versions
			out.ID += "/v" + strconv.FormatUint(out.Version, 10)
		}
		if state := p.CountedBy(r.Write); state != nil {
			out.Origin = id.origin(state)
		}
		if verdict == crdt.Final { // where a batch ended when the window closed must not show
			out.Frontier = plan.FrontierText(group.Window.End)
		}
		return out
	}
	out.ID = fmt.Sprintf("%s/%s/%s/%s.%d", id.epoch, r.Write.Name, id.shard, id.position(r.Meta.Seq), r.Index)
	if r.Meta.Branch > 0 { // several ways lead from the message to the Write
		out.ID += ".b" + strconv.FormatUint(uint64(r.Meta.Branch), 10)
	}
	return out
}

func (id identity) position(seq uint64) string {
	return strconv.FormatInt(id.incarnation, 16) + "." + strconv.FormatUint(seq, 10)
}
