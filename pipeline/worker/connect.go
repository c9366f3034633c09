package worker

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
	dialWait      = 2 * time.Second        // for one server to answer
	askWait       = 5 * time.Second        // for JetStream to answer
	retryWait     = 250 * time.Millisecond // between two attempts at the start
	reconnectWait = 500 * time.Millisecond // between two attempts later
)

// errNoJetStream is returned when the server says that it has no JetStream for us, which may change while it starts.
var errNoJetStream = errors.New("it has no JetStream for this account")

// dial connects to a server that has JetStream, trying for so long as the patience lasts. Errors that waiting does not
// repair end it at once. When ctx ends it returns its error.
func dial(ctx context.Context, a access, patience time.Duration, logger *slog.Logger, lost func(error)) (*nats.Conn, error) {
	place, err := placeOf(a.URL)
	if err != nil {
		return nil, err
	}
	options, err := a.options()
	if err != nil {
		return nil, err
	}
	options = append(options, events(logger, lost)...)
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for attempt := 1; ; attempt++ {
		conn, err := attach(waiting, a.URL, options)
		if err == nil {
			logger.Info("connected to NATS", "server", place)
			return conn, nil
		}
		if hopeless(err) {
			return nil, fmt.Errorf("worker: no connection to %s: %w; %s", place, reasonOf(err), a.remedy(err))
		}
		if attempt == 1 {
			logger.Warn("no connection to NATS yet; trying on", "server", place, "for", patience, "error", reasonOf(err))
		}
		select {
		case <-time.After(retryWait):
		case <-waiting.Done():
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("worker: no connection to %s within %s: %w; %s", place, patience, reasonOf(err), a.remedy(err))
		}
	}
}

// attach tries once.
func attach(ctx context.Context, urls string, options []nats.Option) (*nats.Conn, error) {
	conn, err := nats.Connect(urls, options...)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err == nil {
		asking, cancel := context.WithTimeout(ctx, askWait)
		_, err = js.AccountInfo(asking)
		cancel()
	}
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) || errors.Is(err, nats.ErrNoResponders) {
		conn.Close()
		return nil, errNoJetStream
	}
	return conn, nil // who may not ask for the account, finds out what else is missing when it is used
}

// options translates the access, and looks at the files that it names so that a wrong name is told as such.
func (a access) options() ([]nats.Option, error) {
	for _, f := range []struct{ what, path string }{
		{"credentials", a.Creds}, {"NKey", a.NKey}, {"certificates to trust", a.CA}, {"client certificate", a.Cert}, {"client key", a.Key},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.ReadFile(f.path); err != nil {
			return nil, fmt.Errorf("worker: the file with the %s cannot be read: %w", f.what, err)
		}
	}
	var all []nats.Option
	switch {
	case a.User != "":
		all = append(all, nats.UserInfo(a.User, a.Password))
	case a.Creds != "":
		all = append(all, nats.UserCredentials(a.Creds))
	case a.NKey != "":
		key, err := nats.NkeyOptionFromSeed(a.NKey)
		if err != nil {
			return nil, fmt.Errorf("worker: the file %s holds no seed of an NKey", a.NKey)
		}
		all = append(all, key)
	}
	if a.Token != "" {
		all = append(all, nats.Token(a.Token))
	}
	if a.CA != "" {
		all = append(all, nats.RootCAs(a.CA))
	}
	if a.Cert != "" {
		all = append(all, nats.ClientCert(a.Cert, a.Key))
	}
	if a.InboxPrefix != "" {
		all = append(all, nats.CustomInboxPrefix(a.InboxPrefix))
	}
	return all, nil
}

// events are the options of every connection: it reconnects for ever, tells the log, one line for each event, and calls lost
// when it is closed by anyone but us.
func events(logger *slog.Logger, lost func(error)) []nats.Option {
	return []nats.Option{
		nats.Name("calm-worker"),
		nats.Timeout(dialWait),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.IgnoreAuthErrorAbort(), // credentials are renewed under a running worker
		nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			logger.Warn("the connection to NATS is lost; the pipelines wait for it", "error", reasonOf(err))
		}),
		nats.ReconnectHandler(func(*nats.Conn) { logger.Info("the connection to NATS is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if sub != nil {
				logger.Warn("NATS reports an error", "subject", sub.Subject, "error", reasonOf(err))
				return
			}
			logger.Warn("NATS reports an error", "error", reasonOf(err))
		}),
		nats.ClosedHandler(func(conn *nats.Conn) {
			lost(fmt.Errorf("worker: the connection to NATS was closed for good: %w", reasonOf(conn.LastError())))
		}),
	}
}

// placeOf returns the hosts and ports of a list of addresses. Nothing else of them is ever shown: what stands before the
// host is a password or a token.
func placeOf(urls string) (string, error) {
	var hosts []string
	for part := range strings.SplitSeq(urls, ",") {
		part = strings.TrimSpace(part)
		if !strings.Contains(part, "://") {
			part = "nats://" + part
		}
		u, err := url.Parse(part)
		if err != nil || u.Hostname() == "" {
			return "", errors.New("worker: the address of NATS cannot be read (it is not shown here, since it may hold a password); it must be like nats://host:4222")
		}
		hosts = append(hosts, u.Host)
	}
	return strings.Join(hosts, ", "), nil
}

// hopeless says that an error will be the same after any wait.
func hopeless(err error) bool {
	var certificate *tls.CertificateVerificationError
	var address *url.Error
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) ||
		errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted) ||
		errors.As(err, &certificate) || errors.As(err, &address)
}

// remedy says what can be done where there is no connection.
func (a access) remedy(err error) string {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errNoJetStream):
		return "enable it there, or correct " + a.named
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return "correct --creds, --nkey or the user and password in " + a.named
	case errors.As(err, &certificate):
		return "name who has signed its certificate with --tlsca, or correct " + a.named
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted):
		return "name its certificates with --tlsca, or correct " + a.named
	}
	return "start one there, or correct " + a.named
}

// reasonOf keeps of an error what tells a person something, and no address.
func reasonOf(err error) error {
	var address *url.Error
	var network *net.OpError
	switch {
	case err == nil:
		return errors.New("no reason was given")
	case errors.As(err, &address):
		return errors.New("its address cannot be read")
	case errors.Is(err, nats.ErrAuthorization):
		return fmt.Errorf("it does not accept these credentials (%w)", err)
	case errors.Is(err, nats.ErrNoServers):
		return errors.New("no NATS server answers there")
	case errors.As(err, &network):
		return network.Err
	}
	return err
}
