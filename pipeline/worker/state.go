package worker

import (
	"fmt"
	"sync"

	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
)

// state is what HTTP shows of the worker. Any goroutine may use it.
type state struct {
	tasks []*task // does not change

	mu    sync.Mutex
	conn  *nats.Conn // nil before there is one
	stage string     // why the worker as a whole is not ready; empty while it runs
}

// task is one pipeline of the worker.
type task struct {
	pipeline *pipeline.Pipeline
	monitor  pipeline.Monitor

	mu    sync.Mutex
	waits string // what it waits for before it can start
	ended bool
}

func newState(pipelines []*pipeline.Pipeline) *state {
	s := &state{stage: "not connected to NATS yet"}
	for _, p := range pipelines {
		s.tasks = append(s.tasks, &task{pipeline: p})
	}
	return s
}

// enter sets why the worker as a whole is not ready.
func (s *state) enter(stage string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stage = stage
}

// begin tells of the connection: from now on only NATS and the pipelines decide whether the worker is ready.
func (s *state) begin(conn *nats.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn, s.stage = conn, ""
}

// connected says whether NATS is reachable.
func (s *state) connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil && s.conn.IsConnected()
}

// unready returns why the worker is not ready, "" if it is.
func (s *state) unready() string {
	s.mu.Lock()
	stage := s.stage
	s.mu.Unlock()
	if stage != "" {
		return stage
	}
	if !s.connected() {
		return "NATS is not connected"
	}
	for _, t := range s.tasks {
		if why := t.unready(); why != "" {
			return why
		}
	}
	return ""
}

func (t *task) unready() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.waits != "":
		return t.waits
	case !t.ended && !t.monitor.Running():
		return fmt.Sprintf("pipeline %s is starting", t.pipeline.Name())
	}
	return ""
}

func (t *task) wait(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waits = reason
}

func (t *task) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}
