package pipeline_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/calmstream/calmstream/pipeline"
)

func TestRecordTokens(t *testing.T) {
	t.Parallel()
	r := pipeline.Record[int]{Subject: "orders.de.42"}
	for i, want := range map[int]string{0: "orders", 1: "de", 2: "42", 3: "", -1: "42", -3: "orders", -4: ""} {
		if got := r.Token(i); got != want {
			t.Errorf("token %d is %q, want %q", i, got, want)
		}
	}
}

func TestWithMetadata(t *testing.T) {
	t.Parallel()
	header := map[string][]string{"Trace": {"x"}}
	r, err := pipeline.WithMetadata(pipeline.Text)(&pipeline.Message{Subject: "s", Data: []byte("d"), Header: header, Seq: 7, Time: 1e9})
	if err != nil || r.Value != "d" || r.Subject != "s" || r.Seq != 7 || r.Stored.Unix() != 1 || !maps.EqualFunc(r.Header, header, func(a, b []string) bool { return a[0] == b[0] }) {
		t.Errorf("got %+v, %v", r, err)
	}
	broken := errors.New("broken")
	_, err = pipeline.WithMetadata(func(*pipeline.Message) (int, error) { return 0, broken })(&pipeline.Message{})
	if !errors.Is(err, broken) {
		t.Errorf("the decoder's error is %v", err)
	}
	if pipeline.WithMetadata[int](nil) != nil {
		t.Error("without a decoder there is nothing to wrap: Read reports that")
	}
}
