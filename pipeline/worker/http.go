package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const plainText = "text/plain; charset=utf-8"

// closeWait bounds the wait for answers under way when the worker ends.
const closeWait = 2 * time.Second

// listener is the HTTP side of a worker.
type listener struct {
	server *http.Server
	addr   net.Addr
	done   chan struct{}
}

// listen starts to answer on the address.
func listen(ctx context.Context, address string, handler http.Handler, logger *slog.Logger) (*listener, error) {
	var config net.ListenConfig
	socket, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("worker: --http %s cannot be used: %w; name another address, or none with --http=", address, reasonOf(err))
	}
	l := &listener{
		addr: socket.Addr(),
		done: make(chan struct{}),
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      (maxProfile + 10) * time.Second,
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		},
	}
	go func() {
		defer close(l.done)
		if err := l.server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("HTTP is not answered any more", "error", err)
		}
	}()
	return l, nil
}

// close ends the answers and waits until the goroutine of listen has ended.
func (l *listener) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		_ = l.server.Close() // those who still wait for an answer get none
	}
	<-l.done
}

// handler answers for the worker.
func handler(s *state, withProfiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if why := s.unready(); why != "" {
			answer(w, http.StatusServiceUnavailable, why+"\n")
			return
		}
		answer(w, http.StatusOK, "ready\n")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", metricsType)
		_, _ = w.Write(s.metrics(readBuild())) // whoever asked has gone
	})
	mux.HandleFunc("GET /plan", func(w http.ResponseWriter, _ *http.Request) {
		text, err := explain(s.tasks)
		if err != nil {
			answer(w, http.StatusInternalServerError, err.Error()+"\n")
			return
		}
		answer(w, http.StatusOK, text)
	})
	if withProfiles {
		profiles(mux)
	}
	return mux
}

func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", plainText)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text) // whoever asked has gone
}
