package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
)

// access is where a server is and who we are to it: the fields of a context of the nats command that matter here. Others in
// the file are ignored. It holds secrets and is never printed.
type access struct {
	URL         string `json:"url"`
	User        string `json:"user"`
	Password    string `json:"password"`
	Token       string `json:"token"`
	Creds       string `json:"creds"`
	NKey        string `json:"nkey"`
	Cert        string `json:"cert"`
	Key         string `json:"key"`
	CA          string `json:"ca"`
	InboxPrefix string `json:"inbox_prefix"`
	// named is the flag that says where the server is.
	named string
}

// access merges the context, if one is named, and the flags. Flags win: a flag that says who we are replaces all
// that the context says about that.
func (c *config) access(getenv func(string) string) (access, error) {
	var a access
	if c.context != "" {
		var err error
		if a, err = readContext(c.context, getenv); err != nil {
			return a, err
		}
		a.named = "--context"
	}
	if c.urls != "" {
		a.URL, a.named = c.urls, "--nats"
	}
	if c.creds != "" || c.nkey != "" {
		a.User, a.Password, a.Token, a.Creds, a.NKey = "", "", "", c.creds, c.nkey
	}
	if c.tlsCA != "" {
		a.CA = c.tlsCA
	}
	if c.tlsCert != "" {
		a.Cert, a.Key = c.tlsCert, c.tlsKey
	}
	return a, nil
}

// readContext reads a context from where the nats command keeps it.
func readContext(name string, getenv func(string) string) (access, error) {
	var a access
	if strings.ContainsAny(name, `/\`) || strings.Contains(name, "..") {
		return a, errors.New("worker: --context is the name of a context, not a path; nats context ls lists them")
	}
	home, err := homeDir(getenv)
	if err != nil {
		return a, err
	}
	base := getenv("XDG_CONFIG_HOME")
	if base == "" {
		base = filepath.Join(home, ".config")
	}
	path := filepath.Join(base, "nats", "context", name+".json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return a, fmt.Errorf("worker: there is no context %q: no file %s; nats context ls lists them", name, path)
	}
	if err != nil {
		return a, fmt.Errorf("worker: the context %q cannot be read: %w", name, err)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("worker: the context %q is damaged: %s: %s", name, path, jsonReason(err))
	}
	if a.URL == "" {
		a.URL = nats.DefaultURL // as the nats command does
	}
	for _, path := range []*string{&a.Creds, &a.NKey, &a.Cert, &a.Key, &a.CA} {
		if below, ok := strings.CutPrefix(*path, "~/"); ok {
			*path = filepath.Join(home, below)
		}
	}
	return a, nil
}

func homeDir(getenv func(string) string) (string, error) {
	if home := getenv("HOME"); home != "" {
		return home, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("worker: --context needs a home directory: %w; set XDG_CONFIG_HOME or HOME", err)
	}
	return home, nil
}

// jsonReason says where a file is damaged. It quotes nothing of the file, which may hold a password.
func jsonReason(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Sprintf("the field %s must be a text", wrong.Field)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("it is no JSON at byte %d", syntax.Offset)
	}
	return "it is no JSON"
}
