package main

import (
	"testing"
	"time"
)

// TestCodecsDecodeWhatTheyEncode also keeps the program from rotting: it is not part of the module that the tests of the root see.
func TestCodecsDecodeWhatTheyEncode(t *testing.T) {
	t.Parallel()
	for _, v := range values() {
		for _, c := range v.codecs {
			data, err := c.encode()
			if err == nil {
				err = c.decode(data)
			}
			if err != nil || len(data) == 0 {
				t.Errorf("%s of %s: %d bytes, %v", c.name, v.name, len(data), err)
			}
			if c.decode(data[:len(data)/2]) == nil {
				t.Errorf("%s of %s: half of it is decoded too", c.name, v.name)
			}
		}
	}
	for seconds, want := range map[float64]string{
		5e-9: "5 ns", 1.234e-6: "1.23 µs", 12.34e-6: "12.3 µs", 123.4e-6: "123 µs", 1.234e-3: "1.23 ms",
	} {
		if got := short(seconds); got != want {
			t.Errorf("%g s are shown as %s, want %s", seconds, got, want)
		}
	}
	if s := measure(time.Millisecond, func() { time.Sleep(10 * time.Microsecond) }); s < 10e-6 {
		t.Errorf("10 µs are measured as %g s", s)
	}
}
