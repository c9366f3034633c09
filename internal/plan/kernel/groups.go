package kernel

import "github.com/calmstream/calmstream/internal/plan"

// groups makes groups, many at a time: an allocation for each result would be most of what it costs.
type groups struct{ room []plan.Group }

func (g *groups) next(v plan.Group) *plan.Group {
	if len(g.room) == 0 {
		g.room = make([]plan.Group, 32)
	}
	next := &g.room[0]
	g.room = g.room[1:]
	*next = v
	return next
}
