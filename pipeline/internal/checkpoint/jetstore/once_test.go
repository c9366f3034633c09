package jetstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

func TestCreateOnceRace(t *testing.T) {
	t.Parallel()
	const callers = 8
	s := open(t, natstest.Run(t))
	var group sync.WaitGroup
	values, created := make([]string, callers), make([]bool, callers)
	for i := range callers {
		group.Go(func() {
			// Half of them bring the same value: who created it must not be told by comparing.
			got, mine, err := s.CreateOnce(testContext(t), "start", fmt.Append(nil, i%(callers/2)))
			if err != nil {
				t.Error(err)
			}
			values[i], created[i] = string(got), mine
		})
	}
	group.Wait()
	winners := 0
	for i := range callers {
		if values[i] != values[0] {
			t.Errorf("caller %d got %q, caller 0 %q", i, values[i], values[0])
		}
		if created[i] {
			winners++
			if want := fmt.Sprint(i % (callers / 2)); values[i] != want {
				t.Errorf("caller %d created %q but got %q", i, want, values[i])
			}
		}
	}
	if winners != 1 {
		t.Errorf("%d callers created the record", winners)
	}
}

func TestCreateOnceLostAcknowledgement(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	for name, arrives := range map[string]bool{"stored": true, "never arrived": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, key, attempts := open(t, server), tokenOf(name), 0
			s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
				return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
					if strings.HasPrefix(msg.Subject, "$KV.") {
						if attempts++; attempts == 1 {
							if arrives {
								if _, err := next(ctx, msg); err != nil {
									return nil, err
								}
							}
							return nil, context.DeadlineExceeded
						}
					}
					return next(ctx, msg)
				}
			})
			got, created, err := s.CreateOnce(testContext(t), key, []byte("v"))
			if err != nil || string(got) != "v" || !created {
				t.Fatalf("got %q, %v, %v", got, created, err)
			}
			got, created, err = s.CreateOnce(testContext(t), key, []byte("other"))
			if err != nil || string(got) != "v" || created {
				t.Fatalf("the second caller got %q, %v, %v", got, created, err)
			}
		})
	}
}

// TestCreateOnceStrangeAnswer gets an answer that is not the bucket's. The record itself must tell.
func TestCreateOnceStrangeAnswer(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	for _, arrives := range []bool{false, true} {
		s := open(t, server)
		s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
			return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
				if !strings.HasPrefix(msg.Subject, "$KV.") {
					return next(ctx, msg)
				}
				if arrives {
					if _, err := next(ctx, msg); err != nil {
						return nil, err
					}
				}
				return &nats.Msg{Data: []byte(`{"stream":"OTHER","seq":1}`)}, nil
			}
		})
		got, created, err := s.CreateOnce(testContext(t), "k", []byte("v"))
		if arrives && (err != nil || !created || string(got) != "v") || !arrives && err == nil {
			t.Errorf("arrives %v: got %q, %v, %v", arrives, got, created, err)
		}
	}
}

func TestCreateOnceSurvivesRestart(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s := open(t, server)
	s.SetPatience(time.Second)
	if _, _, err := s.CreateOnce(testContext(t), "k", nil); err != nil {
		t.Fatal(err)
	}
	server.Restart(t)
	got, created, err := s.CreateOnce(testContext(t), "k", []byte("v"))
	if err != nil || created || len(got) != 0 {
		t.Errorf("got %q, %v, %v; want the empty record", got, created, err)
	}
	if _, _, err := s.CreateOnce(testContext(t), "a.b", nil); err == nil {
		t.Error("a key with a dot was accepted")
	}
}
