package engine

import (
	"context"
	"time"
)

// every calls do at each interval until stop is closed. The context of do ends with that.
func every(interval time.Duration, stop <-chan struct{}, do func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			do(ctx)
		case <-stop:
			return
		}
	}
}
