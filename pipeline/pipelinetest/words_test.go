package pipelinetest_test

import (
	"testing"

	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// This test stands in README.md.
func TestWords(t *testing.T) {
	t.Parallel()
	d := pipelinetest.NewDriver(t, words())
	d.Push("lines", "keep calm", "calm down")
	if early := d.Results("twice"); len(early) != 1 || early[0].Key != "calm" {
		t.Errorf("got %v", early)
	}
	d.End()
	if final := d.Results("counts"); len(final) != 3 || final[0].Payload != "2" {
		t.Errorf("got %v", final)
	}

	// The same whoever runs it, and whatever happens to them.
	in := pipelinetest.Log{Read: "lines", Messages: [][]byte{[]byte("keep calm"), []byte("calm down")}}
	pipelinetest.Check(t, words, []pipelinetest.Log{in}, pipelinetest.Options{})
}
