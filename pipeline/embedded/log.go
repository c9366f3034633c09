package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// serverLog passes the server's log on to slog and remembers why the server could not start: nats-server reports
// that by Fatalf alone, expecting the process to end there.
type serverLog struct {
	out *slog.Logger

	mu    sync.Mutex
	first error
}

func newLog(out *slog.Logger) *serverLog {
	if out == nil {
		out = slog.New(slog.DiscardHandler)
	}
	return &serverLog{out: out.With("component", "nats-server")}
}

// fatal returns the first fatal error, nil if there was none.
func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

func (l *serverLog) write(level slog.Level, format string, args []any) {
	if l.out.Enabled(context.Background(), level) {
		l.out.Log(context.Background(), level, fmt.Sprintf(format, args...))
	}
}

// Noticef logs at level Debug: what is news for the operator of a server is detail for the user of a pipeline.
func (l *serverLog) Noticef(format string, args ...any) { l.write(slog.LevelDebug, format, args) }

// Warnf logs a warning.
func (l *serverLog) Warnf(format string, args ...any) { l.write(slog.LevelWarn, format, args) }

// Errorf logs an error.
func (l *serverLog) Errorf(format string, args ...any) { l.write(slog.LevelError, format, args) }

// Fatalf logs an error and keeps the first one for Start.
func (l *serverLog) Fatalf(format string, args ...any) {
	l.mu.Lock()
	if l.first == nil {
		l.first = fmt.Errorf(format, args...)
	}
	l.mu.Unlock()
	l.write(slog.LevelError, format, args)
}

// Debugf logs at level Debug. It is not called, because the server's debug log is off.
func (l *serverLog) Debugf(format string, args ...any) { l.write(slog.LevelDebug, format, args) }

// Tracef logs at level Debug. It is not called, because the server's trace is off.
func (l *serverLog) Tracef(format string, args ...any) { l.write(slog.LevelDebug, format, args) }
