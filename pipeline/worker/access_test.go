package worker_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// runs starts a worker with these flags and waits until it is ready.
func runs(t *testing.T, name string, args ...string) {
	t.Helper()
	r := start(t, []*pipeline.Pipeline{count(name)}, args...)
	r.ready(t)
	r.stop()
	r.ended(t, 0)
}

// refused starts a worker with these flags and wants an error with these words, before the patience with the server ends.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	status, _, log := quick(t, nil, []*pipeline.Pipeline{count("any")}, append(args, "--http=", "--connect-timeout=1h")...)
	if status != 1 || !strings.Contains(log, want) {
		t.Errorf("%v: status %d, want 1 and %q; the log:\n%s", args, status, want, log)
	}
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNKey(t *testing.T) {
	t.Parallel()
	key, seed := makeKey(t, nkeys.CreateUser)
	_, other := makeKey(t, nkeys.CreateUser)
	srv := natstest.Run(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: key}} })
	file := writeFile(t, "seed", seed)
	option, err := nats.NkeyOptionFromSeed(file)
	if err != nil {
		t.Fatal(err)
	}
	makeInput(t, jetstreamOf(t, srv.Conn(t, option)), "nkey")
	runs(t, "nkey", "--nats", srv.URL(), "--nkey", file)

	// A flag that says who we are replaces all that a context says about that.
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".config", "nats", "context"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := `{"url":"` + srv.URL() + `","user":"nobody","password":"wrong","token":"wrong"}`
	if err := os.WriteFile(filepath.Join(home, ".config", "nats", "context", "c.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, log := quick(t, map[string]string{"HOME": home}, []*pipeline.Pipeline{count("other")}, "--context", "c", "--nkey", file, "--http=")
	if status != 1 || !strings.Contains(log, `the stream \"other\" that words reads does not exist`) {
		t.Errorf("status %d, %s", status, log)
	}
	refused(t, "does not accept these credentials", "--nats", srv.URL(), "--nkey", writeFile(t, "seed", other))
	refused(t, "does not accept these credentials", "--nats", srv.URL())
	refused(t, "cannot be read", "--nats", srv.URL(), "--nkey", file+".gone")
}

func makeKey(t *testing.T, create func() (nkeys.KeyPair, error)) (public string, seed []byte) {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = pair.PublicKey(); err != nil {
		t.Fatal(err)
	}
	if seed, err = pair.Seed(); err != nil {
		t.Fatal(err)
	}
	return public, seed
}

// signer makes the key pair of a seed.
func signer(t *testing.T, seed []byte) nkeys.KeyPair {
	t.Helper()
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	operator, operatorSeed := makeKey(t, nkeys.CreateOperator)
	account, accountSeed := makeKey(t, nkeys.CreateAccount)
	system, _ := makeKey(t, nkeys.CreateAccount)
	user, userSeed := makeKey(t, nkeys.CreateUser)
	encode := func(claims jwt.Claims, seed []byte) string {
		t.Helper()
		text, err := claims.Encode(signer(t, seed))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	claims := jwt.NewAccountClaims(account)
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	resolver := &server.MemAccResolver{}
	for name, text := range map[string]string{account: encode(claims, operatorSeed), system: encode(jwt.NewAccountClaims(system), operatorSeed)} {
		if err := resolver.Store(name, text); err != nil {
			t.Fatal(err)
		}
	}
	srv := natstest.Run(t, func(o *server.Options) {
		o.TrustedKeys, o.AccountResolver, o.SystemAccount = []string{operator}, resolver, system
	})
	creds, err := jwt.FormatUserConfig(encode(jwt.NewUserClaims(user), accountSeed), userSeed)
	if err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, "user.creds", creds)
	makeInput(t, jetstreamOf(t, srv.Conn(t, nats.UserCredentials(file))), "creds")
	runs(t, "creds", "--nats", srv.URL(), "--creds", file)
	refused(t, "does not accept these credentials", "--nats", srv.URL())
	refused(t, "cannot be read", "--nats", srv.URL(), "--creds", file+".gone")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	serverCert, serverKey := authority.issue(t, "server")
	clientCert, clientKey := authority.issue(t, "client")
	pair, err := tls.LoadX509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority.cert)
	srv := natstest.Run(t, func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, patience.Seconds()
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
	})
	ca := authority.file
	makeInput(t, jetstreamOf(t, srv.Conn(t, nats.RootCAs(ca), nats.ClientCert(clientCert, clientKey))), "tls")
	runs(t, "tls", "--nats", srv.URL(), "--tlsca", ca, "--tlscert", clientCert, "--tlskey", clientKey)
	refused(t, "certificate signed by unknown authority", "--nats", srv.URL(), "--tlscert", clientCert, "--tlskey", clientKey)
	refused(t, "cannot be read", "--nats", srv.URL(), "--tlsca", ca+".gone")
	status, _, log := quick(t, nil, []*pipeline.Pipeline{count("any")}, "--nats", srv.URL(), "--tlsca", ca, "--http=", "--connect-timeout=200ms")
	if status != 1 || !strings.Contains(log, "no connection to") {
		t.Errorf("without a certificate of our own: status %d, %s", status, log)
	}
}

// Whoever reads that there is no connection learns what can be done about it, by the flag that was given.
func TestWhatToDoWithoutAConnection(t *testing.T) {
	t.Parallel()
	plain := natstest.Run(t, func(o *server.Options) { o.JetStream = false })
	closed := natstest.Run(t, func(o *server.Options) { o.Username, o.Password = "me", "sesame" })
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "nats", "context"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"nobody": "nats://127.0.0.1:1", "closed": closed.URL()} {
		if err := os.WriteFile(filepath.Join(home, "nats", "context", name+".json"), fmt.Appendf(nil, `{"url": %q}`, url), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"XDG_CONFIG_HOME": home}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"no NATS server answers there; start one there, or correct --nats", []string{"--nats", "nats://127.0.0.1:1"}},
		{"no NATS server answers there; start one there, or correct --context", []string{"--context", "nobody"}},
		{"no NATS server answers there; start one there, or correct --nats", []string{"--nats", "nats://127.0.0.1:1", "--context", "closed"}},
		{"; correct --creds, --nkey or the user and password in --nats", []string{"--nats", closed.URL()}},
		{"; correct --creds, --nkey or the user and password in --context", []string{"--context", "closed"}},
		{"it has no JetStream for this account; enable it there, or correct --nats", []string{"--nats", plain.URL()}},
	} {
		status, _, log := quick(t, env, []*pipeline.Pipeline{count("any")}, append(c.args, "--http=", "--connect-timeout=200ms")...)
		if status != 1 || !strings.Contains(log, c.want+"\"\n") {
			t.Errorf("%q ended with %d, and not with %q: %s", c.args, status, c.want, log)
		}
	}
}

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{key: newKey(t)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = writeFile(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue writes a certificate for this machine and its key.
func (a *authority) issue(t *testing.T, name string) (certFile, keyFile string) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		writeFile(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}
