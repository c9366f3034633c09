package answer

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// protocol is the version of requests and replies, and so of the service.
const protocol = "1.0.0"

// Limits on the questions that a worker holds for one pipeline.
const (
	maxQuestions = 1024 // that can be answered at once
	maxAwaiting  = 1024
)

// Config says what is served.
type Config struct {
	Conn *nats.Conn
	Plan *plan.Plan
	// Worker is the name of this worker.
	Worker string
	Logger *slog.Logger
}

// Server answers questions about the shards of one worker.
type Server struct {
	Config
	service micro.Service
	states  map[string]*plan.Sharing // by name

	mu     sync.RWMutex
	shards map[checkpoint.ShardID]*shard.Asked // nil where the shard does not run any more

	questions, awaiting atomic.Int32 // that are held
	// answers has room for all that are held, so that a shard never waits for it.
	answers chan *asked
	done    chan struct{}
	running sync.WaitGroup
}

// asked is a question that was taken, on its way.
type asked struct {
	*Server
	req      micro.Request
	request  Request
	question Question
	sharing  *plan.Sharing
	id       checkpoint.ShardID
	held     *atomic.Int32

	seen shard.Seen
	err  error
}

// Start makes the service. It returns nil if the pipeline shares no state.
func Start(cfg Config) (*Server, error) {
	s := &Server{
		Config: cfg, states: make(map[string]*plan.Sharing), shards: make(map[checkpoint.ShardID]*shard.Asked),
		answers: make(chan *asked, maxQuestions+maxAwaiting), done: make(chan struct{}),
	}
	var names []string
	for _, state := range cfg.Plan.Graph.Shared() {
		s.states[state.Node.Name] = state
		names = append(names, state.Node.Name)
	}
	if len(names) == 0 {
		return nil, nil
	}
	pipeline := cfg.Plan.Graph.Name
	var err error
	s.service, err = micro.AddService(cfg.Conn, micro.Config{
		Name: "calm-" + pipeline, Version: protocol, QueueGroupDisabled: true,
		Description: "answers questions about the states " + strings.Join(names, ", ") + " of the pipeline " + pipeline,
		Metadata:    map[string]string{"pipeline": pipeline, "epoch": cfg.Plan.Epoch(), "worker": cfg.Worker, "states": strings.Join(names, ",")},
		ErrorHandler: func(_ micro.Service, err *micro.NATSError) {
			cfg.Logger.Warn("a question could not be taken or answered; the pipeline goes on", "subject", err.Subject, "error", err.Description)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("answer: the service calm-%s cannot be made: %w", pipeline, err)
	}
	s.running.Go(s.respond)
	return s, nil
}

// Stop ends the service. The shards have been left before, so that who still waits is told that nobody is here any more.
func (s *Server) Stop() {
	if s == nil {
		return
	}
	if err := s.service.Stop(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		s.Logger.Debug("the service for questions did not end in good order", "error", err)
	}
	close(s.done)
	s.running.Wait()
}

// Enter returns where questions to a shard are put from now on; nil if it has no state that is shared.
func (s *Server) Enter(id checkpoint.ShardID) (*shard.Asked, error) {
	if s == nil || !s.shares(id.Stage) {
		return nil, nil
	}
	a := new(shard.Asked)
	s.mu.Lock()
	_, known := s.shards[id]
	s.shards[id] = a
	s.mu.Unlock()
	if known { // an endpoint cannot be removed, so that it is there from before
		return a, nil
	}
	err := s.service.AddEndpoint(id.Stage+"-"+strconv.Itoa(id.Shard), micro.HandlerFunc(func(req micro.Request) { s.handle(id, req) }),
		micro.WithEndpointSubject(prefix(s.Plan.Graph.Name, s.Plan.Epoch(), id)+"*.*"),
		micro.WithEndpointMetadata(map[string]string{"stage": id.Stage, "shard": strconv.Itoa(id.Shard)}))
	if err != nil {
		s.mu.Lock()
		delete(s.shards, id)
		s.mu.Unlock()
		return nil, fmt.Errorf("answer: questions to %s cannot be heard: %w", id, err)
	}
	return a, nil
}

// Leave refuses the questions to a shard that does not run any more.
func (s *Server) Leave(id checkpoint.ShardID, a *shard.Asked) {
	if s == nil || a == nil {
		return
	}
	s.mu.Lock()
	if s.shards[id] == a {
		s.shards[id] = nil
	}
	s.mu.Unlock()
	a.Close()
}

func (s *Server) shares(stage string) bool {
	for _, state := range s.states {
		if s.Plan.StagesOf(state.Node)[0].Name == stage {
			return true
		}
	}
	return false
}

// handle takes a request. Whatever it holds, it ends nothing but itself.
func (s *Server) handle(id checkpoint.ShardID, req micro.Request) {
	a := &asked{Server: s, req: req, id: id}
	defer func() {
		if r := recover(); r != nil { // of a function of the pipeline's that says where a key belongs
			a.refuse(refuse(codeFailed, "the question made the worker panic: %v", r))
		}
	}()
	to, err := a.take()
	if err != nil {
		a.refuse(err)
		return
	}
	to.Put(&shard.Question{
		Node: a.sharing.Node.ID, Key: a.request.EncodedKey, Instant: a.question.Instant, From: a.request.From,
		Until: a.until(), Deadline: a.deadline(), Answer: a.deliver,
	})
}

// respond sends the answers, one after the other: a connection may make its writers wait, which is not for a shard to do.
func (s *Server) respond() {
	for {
		select {
		case a := <-s.answers:
			a.respond()
		case <-s.done:
			for len(s.answers) > 0 { // nobody else takes any
				(<-s.answers).respond()
			}
			return
		}
	}
}
