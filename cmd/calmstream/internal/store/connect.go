package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// dialWait is how long each server of an address may take to answer; answerWait is that for JetStream.
	dialWait   = 3 * time.Second
	answerWait = 5 * time.Second
)

// connect dials the server and makes sure that it has JetStream. place is the address without secrets.
func connect(ctx context.Context, c Config) (conn *nats.Conn, place string, err error) {
	hosts, err := hostsOf(c.URL)
	if err != nil {
		return nil, "", err
	}
	options, err := options(c)
	if err != nil {
		return nil, "", err
	}
	if err := ctx.Err(); err != nil {
		return nil, "", fmt.Errorf("store: not connected to %s: %w", hosts, err)
	}
	conn, err = nats.Connect(c.URL, options...)
	if isTimeout(err) { // we may have been the slow one: a process that is stopped for a while finds its time over
		conn, err = nats.Connect(c.URL, options...)
	}
	if err != nil {
		return nil, "", fmt.Errorf("store: no connection to %s: %w", hosts, dialReason(err))
	}
	if err := requireJetStream(ctx, conn); err != nil {
		conn.Close()
		return nil, "", fmt.Errorf("store: the server %s %w", hosts, err)
	}
	return conn, "the server " + hosts, nil
}

// hostsOf returns the hosts and ports of an address. An address that cannot be read is not shown: it may hold a secret.
func hostsOf(address string) (string, error) {
	var hosts []string
	for part := range strings.SplitSeq(address, ",") {
		part = strings.TrimSpace(part)
		if !strings.Contains(part, "://") {
			part = "nats://" + part
		}
		u, err := url.Parse(part)
		if err != nil || u.Hostname() == "" {
			return "", errors.New("store: --nats is not an address; it should be like nats://host:4222")
		}
		hosts = append(hosts, u.Host)
	}
	return strings.Join(hosts, ", "), nil
}

// options translates the Config, and looks at the files that it names so that a wrong name is told as such.
func options(c Config) ([]nats.Option, error) {
	for _, f := range []struct{ flag, path string }{
		{"--creds", c.Creds}, {"--nkey", c.NKey}, {"--tlsca", c.TLSCA}, {"--tlscert", c.TLSCert}, {"--tlskey", c.TLSKey},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.ReadFile(f.path); err != nil {
			return nil, fmt.Errorf("store: the file of %s cannot be read: %w", f.flag, err)
		}
	}
	all := append(events(c.Logger), nats.Name("calmstream"), nats.Timeout(dialWait))
	if c.Creds != "" {
		all = append(all, nats.UserCredentials(c.Creds))
	}
	if c.NKey != "" {
		key, err := nats.NkeyOptionFromSeed(c.NKey)
		if err != nil {
			return nil, fmt.Errorf("store: the file of --nkey holds no seed of an NKey: %s", c.NKey)
		}
		all = append(all, key)
	}
	if c.TLSCA != "" {
		all = append(all, nats.RootCAs(c.TLSCA))
	}
	if c.TLSCert != "" {
		all = append(all, nats.ClientCert(c.TLSCert, c.TLSKey))
	}
	return all, nil
}

// events makes a connection that reconnects for ever and tells the log when it has to.
func events(logger *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil where we have closed it ourselves
				logger.Warn("the connection to NATS is lost; everything waits for it to come back", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { logger.Warn("the connection to NATS is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			logger.Warn("NATS reports an error", "error", err)
		}),
	}
}

func isTimeout(err error) bool {
	var slow net.Error
	return errors.Is(err, nats.ErrTimeout) || errors.As(err, &slow) && slow.Timeout()
}

// dialReason keeps of an error what tells a person something, and no address: ours is given already, without its secrets.
func dialReason(err error) error {
	var parse *url.Error
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return fmt.Errorf("%w; name who has signed its certificate with --tlsca", certificate)
	case errors.As(err, &parse):
		return errors.New("it is not an address; correct --nats")
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		return fmt.Errorf("it does not accept these credentials (%w); correct --creds, --nkey or the user and password in --nats", err)
	case errors.As(err, &op):
		return fmt.Errorf("no NATS server answers there (%w); start one there, or correct --nats", op.Err)
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("no NATS server answers there (%w); start one there, or correct --nats", err)
	}
	return err
}

// requireJetStream fails if the server says that it has none. Whoever may not ask finds out when it is used.
func requireJetStream(ctx context.Context, conn *nats.Conn) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	_, err = js.AccountInfo(ctx)
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) || errors.Is(err, nats.ErrNoResponders) {
		return errors.New("has no JetStream for this account; enable it there, or leave --nats out")
	}
	return nil
}
