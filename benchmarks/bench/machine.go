//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// machine says where and with what something was measured.
type machine struct {
	Time      string  `json:"time"`
	Command   string  `json:"command"`
	Commit    string  `json:"commit"`
	Processor string  `json:"processor"`
	Cores     int     `json:"cores"`
	System    string  `json:"system"`
	Load      string  `json:"load"` // of other work, at the start
	Go        string  `json:"go"`
	NATSGo    string  `json:"nats_go"`
	Server    string  `json:"nats_server"`
	Scale     float64 `json:"scale"`
	Repeat    int     `json:"repetitions"`

	peers string // the flag, if other libraries were measured too
}

// describe looks at the machine.
func describe(ctx context.Context, o options, h *harness) machine {
	m := machine{
		Time: time.Now().UTC().Format(time.RFC3339), Command: "go run ./benchmarks/bench " + strings.Join(os.Args[1:], " "),
		Commit: output(ctx, "git", "describe", "--always", "--dirty"), System: output(ctx, "uname", "-srm"),
		Processor: "unknown", Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), NATSGo: "unknown",
		Server: h.nc.ConnectedServerVersion(), Scale: o.scale, Repeat: o.repeat, Load: "unknown",
	}
	if o.peers {
		m.peers = "-peers "
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				m.Processor = strings.TrimSpace(value)
				break
			}
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(load))[:3], " ")
	}
	if info, there := debug.ReadBuildInfo(); there {
		for _, d := range info.Deps {
			if d.Path == "github.com/nats-io/nats.go" {
				m.NATSGo = d.Version
			}
		}
	}
	return m
}

// output is what a command prints.
func output(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// lines shows it.
func (m machine) lines() string {
	return fmt.Sprintf("- `%s`, %s, commit %s\n- %s, %d cores, %s; load average before: %s\n- %s, nats.go %s, nats-server %s; scale %v, %d repetitions after one to warm up\n",
		m.Command, m.Time, m.Commit, m.Processor, m.Cores, m.System, m.Load, m.Go, m.NATSGo, m.Server, m.Scale, m.Repeat)
}
