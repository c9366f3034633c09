// Command adworker is an example of a worker binary: it counts clicks on advertisements for each campaign in windows of ten
// seconds, as described in package cmd/internal/adclicks.
//
// It reads the stream adclicks_EVENTS, which is not made for it:
//
//	nats stream add adclicks_EVENTS --subjects 'adclicks.events.*' --defaults
//	adworker --nats nats://localhost:4222
//	nats publish adclicks.events.0 '{"id":"1","campaign":"tea","ad":"tea-1","kind":"click","user":"u1","time":"2026-01-02T03:04:05Z"}'
//
// Without --nats an embedded server runs in .calmstream and takes the other commands at localhost:4222. Start as many workers
// as you like on one server, and kill any of them.
package main

import (
	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"github.com/calmstream/calmstream/pipeline/worker"
)

func main() { worker.Main(adclicks.Pipeline(adclicks.Config{})) }
