package checkpoint_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

func TestCheckName(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "Az09-_=/", strings.Repeat("n", 128)} {
		if err := checkpoint.CheckName("stage", good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "a.b", "a b", "*", ">", "ä", "a$", strings.Repeat("n", 129)} {
		if err := checkpoint.CheckName("stage", bad); err == nil || !strings.Contains(err.Error(), "stage") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestCheckCommit(t *testing.T) {
	t.Parallel()
	type args struct {
		id       checkpoint.ShardID
		fence    checkpoint.Fence
		segments []checkpoint.Segment
	}
	valid := func() args {
		seg := sampleSegment(t)
		return args{
			id:       checkpoint.ShardID{Stage: "s"},
			fence:    checkpoint.Fence{Writer: "w", Commit: 1, Segments: []checkpoint.SegmentRef{seg.Ref}},
			segments: []checkpoint.Segment{seg},
		}
	}
	if a := valid(); checkpoint.CheckCommit(a.id, a.fence, a.segments) != nil {
		t.Fatal(checkpoint.CheckCommit(a.id, a.fence, a.segments))
	}
	cases := map[string]func(*args){
		"stage":          func(a *args) { a.id.Stage = "a.b" },
		"shard":          func(a *args) { a.id.Shard = -1 },
		"no writer":      func(a *args) { a.fence.Writer = "" },
		"unnamed":        func(a *args) { a.fence.Segments = nil },
		"other ref":      func(a *args) { a.fence.Segments[0].Digest++ },
		"named twice":    func(a *args) { a.fence.Segments = append(a.fence.Segments, a.fence.Segments[0]) },
		"written twice":  func(a *args) { a.segments = append(a.segments, a.segments[0]) },
		"negative count": func(a *args) { a.fence.Segments[0].Chunks = -1 },
		"negative bytes": func(a *args) { a.fence.Segments[0].Bytes = -1 },
		"bad id":         func(a *args) { a.fence.Segments[0].ID = "a.>" },
		"other content":  func(a *args) { a.segments[0].Chunks = slices.Clone(a.segments[0].Chunks[:0]) },
	}
	for name, change := range cases {
		a := valid()
		change(&a)
		if err := checkpoint.CheckCommit(a.id, a.fence, a.segments); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
