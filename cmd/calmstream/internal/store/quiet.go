package store

import (
	"context"
	"log/slog"
)

// forServer returns the logger of an embedded server. Where details are not wanted its warnings are none either: after a
// kill it warns of each file that it repairs, which is what it is there for.
func forServer(logger *slog.Logger) *slog.Logger {
	if logger.Enabled(context.Background(), slog.LevelInfo) {
		return logger
	}
	return slog.New(errorsOnly{logger.Handler()})
}

// errorsOnly drops what is less than an error.
type errorsOnly struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h errorsOnly) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h errorsOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return errorsOnly{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h errorsOnly) WithGroup(name string) slog.Handler { return errorsOnly{h.Handler.WithGroup(name)} }
