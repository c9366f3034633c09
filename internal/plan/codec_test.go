package plan_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
)

type label string

type pair struct {
	A string `json:"a"`
	B int    `json:"b"`
}

func roundTrip[T any](t *testing.T, name string, values ...T) {
	t.Helper()
	c := plan.UsualCodec[T]()
	if c.Name != name || !c.Valid() {
		t.Errorf("%T is encoded as %s, want %s", values[0], c.Name, name)
	}
	for _, v := range values {
		data, err := c.Append([]byte("before"), v)
		if err != nil || string(data[:6]) != "before" {
			t.Errorf("%v: %q, %v", v, data, err)
			continue
		}
		got, err := c.Decode(data[6:])
		clear(data) // it must not be kept
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%v came back as %v, %v", v, got, err)
		}
	}
}

func TestUsualCodecs(t *testing.T) {
	t.Parallel()
	roundTrip(t, "text", "", "calm\xff")
	roundTrip(t, "text", label("x"))
	roundTrip(t, "bytes", []byte("abc"))
	roundTrip(t, "fixed", int64(-1), 1<<62)
	roundTrip(t, "fixed", 1.5, -0.25)
	roundTrip(t, "fixed", true, false)
	roundTrip(t, "json", 7, -7)
	roundTrip(t, "json", pair{"x", 1})
	roundTrip(t, "binary", time.Unix(5, 6).UTC())
	if _, err := plan.UsualCodec[int32]().Decode(make([]byte, 5)); err == nil {
		t.Error("a byte too many is no error")
	}
}
