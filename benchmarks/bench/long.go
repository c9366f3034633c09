//go:build unix

package main

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"sync"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
)

// longPerMessage is how many keys of keyBytes bytes a message holds.
const longPerMessage = 64

// longKey is the text of a key, keyBytes long.
func longKey(key uint64) string { return fmt.Sprintf("k%015x", key) }

// longKeys yields the keys of a message.
func longKeys(data string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ; len(data) >= keyBytes; data = data[keyBytes:] {
			if !yield(data[:keyBytes]) {
				return
			}
		}
	}
}

// fillLong makes the messages of long keys.
func fillLong(c contest.Job, key func(i int) string, put func(*nats.Msg) error) error {
	for m := range c.Messages {
		data := make([]byte, 0, longPerMessage*keyBytes)
		for i := m * longPerMessage; i < min((m+1)*longPerMessage, c.Records); i++ {
			data = append(data, key(i)...)
		}
		if err := put(&nats.Msg{Subject: c.Subjects[0], Data: data}); err != nil {
			return err
		}
	}
	return nil
}

// digest stands for many results, each of which comes once: a difference in any one shows in it.
type digest struct {
	mu   sync.Mutex
	keys int
	sum  uint64
}

// add adds a result.
func (d *digest) add(key, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys++
	d.sum += xxhash.Sum64String(key + "=" + value) // in any order
}

// found is what is compared.
func (d *digest) found() map[string]string {
	return map[string]string{"keys": strconv.Itoa(d.keys), "digest": strconv.FormatUint(d.sum, 16)}
}

// sink adds each result.
func (d *digest) sink() sinks.Func {
	return sinks.Func{Name: "digest", Do: func(_ context.Context, r sinks.Record) error {
		d.add(r.Key, string(r.Payload))
		return nil
	}}
}

// digestOf is the digest of results.
func digestOf(found map[string]string) *digest {
	d := new(digest)
	for key, value := range found {
		d.add(key, value)
	}
	return d
}
