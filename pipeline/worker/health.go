package worker

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// healthWait bounds the question of --healthcheck.
const healthWait = 3 * time.Second

// healthcheck asks the worker that listens on the address whether it is ready: a container without a shell has no other
// program for that.
func healthcheck(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("worker: --http is %q, but must be host:port: %w", address, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	question, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy: the worker is here
	answer, err := client.Do(question)
	if err != nil {
		return fmt.Errorf("worker: no worker answers: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // all that counts has been read
	reason, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("worker: not ready: %s", strings.TrimSpace(string(reason)))
	}
	return nil
}
