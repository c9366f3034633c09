package feed_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
)

func TestStandardInputIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	text := prose(1, 200_000)
	from := feed.Abandonable(strings.NewReader(text))
	if got, err := io.ReadAll(from); err != nil || string(got) != text {
		t.Errorf("got %d bytes of %d, and error %v", len(got), len(text), err)
	}
	if err := from.Close(); err != nil {
		t.Error(err)
	}

	broken := errors.New("the terminal is gone")
	if _, err := io.ReadAll(feed.Abandonable(iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got error %v", err)
	}
}

// Close returns, and makes Read return, while the terminal says nothing.
func TestStandardInputIsAbandoned(t *testing.T) {
	t.Parallel()
	open, reading := make(chan struct{}), make(chan struct{})
	defer close(open)
	from := feed.Abandonable(gate{open: open, reached: func() { close(reading) }})
	done := make(chan error, 1)
	go func() {
		_, err := from.Read(make([]byte, 10))
		done <- err
	}()
	<-reading
	if err := from.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got error %v", err)
	}
}
