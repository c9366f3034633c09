package jetstore

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// RequestFunc and PublishFunc send a message; tests put their own in between.
type (
	RequestFunc = func(context.Context, *nats.Msg) (*nats.Msg, error)
	PublishFunc = func(*nats.Msg) error
)

// OnRequest puts wrap between the store and the connection. It is called before the store is used.
func (s *Store) OnRequest(wrap func(next RequestFunc) RequestFunc) { s.request = wrap(s.request) }

// OnPublish puts wrap between the store and the connection. It is called before the store is used.
func (s *Store) OnPublish(wrap func(next PublishFunc) PublishFunc) { s.publish = wrap(s.publish) }

// SetPatience changes how long an answer is waited for. It is called before the store is used.
func (s *Store) SetPatience(d time.Duration) { s.patience = d }

// Supported tells whether a server version is new enough.
func Supported(version string) bool { return supported(version) }
