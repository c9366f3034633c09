package worker

import (
	"bytes"
	"log/slog"

	"github.com/nats-io/nats.go"
)

// SampleLine lets tests write a metric with labels that no pipeline of theirs can have.
func SampleLine(name, value string, labels ...string) string {
	var out bytes.Buffer
	sample(&out, name, value, labels...)
	return out.String()
}

// ReasonOf lets tests ask about errors that they cannot provoke.
func ReasonOf(err error) error { return reasonOf(err) }

// Events lets tests have a connection that, unlike those of a worker, can be closed for good.
func Events(logger *slog.Logger, lost func(error)) []nats.Option { return events(logger, lost) }
