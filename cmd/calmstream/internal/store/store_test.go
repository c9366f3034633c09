package store_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/nats-io/nats-server/v2/server"
)

// works opens a store, asks its server something, and closes it.
func works(t *testing.T, c store.Config) {
	t.Helper()
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Conn().FlushTimeout(5 * time.Second); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if !s.Conn().IsClosed() {
		t.Errorf("the connection to %s is still open", s.Place())
	}
}

func fails(t *testing.T, c store.Config, want string) {
	t.Helper()
	s, err := store.Open(t.Context(), c)
	if err == nil {
		t.Fatalf("%s was opened: %v", s.Place(), s.Close())
	}
	if !strings.HasPrefix(err.Error(), "store: ") || !strings.Contains(err.Error(), want) {
		t.Errorf("want %q in: %v", want, err)
	}
}

// A seed and its public key, made for this test.
const (
	seed   = "SUAAUNXPAZPHOG7OU3MZ7HJGEDAE47U6YJV76C2IY3S7IZNT6XDUNUZKLY"
	public = "UDEA6OD6CF2BACSXMRU2F3BRSJPA2QLJMW2OGUAM5SCTUFTLM6GN25YP"
)

func TestAnNKeyOpens(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} })
	path := filepath.Join(t.TempDir(), "seed")
	if err := os.WriteFile(path, []byte(seed+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	works(t, store.Config{URL: srv.URL(), NKey: path})
	fails(t, store.Config{URL: srv.URL()}, "does not accept these credentials")
}

// certificate makes a certificate for this machine and the key of it, in files, and what trusts it.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", keyDER), pool
}

func TestCertificatesOpen(t *testing.T) {
	t.Parallel()
	certFile, keyFile, pool := certificate(t)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	srv := natstest.Run(t, func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 5
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	})
	works(t, store.Config{URL: srv.URL(), TLSCA: certFile, TLSCert: certFile, TLSKey: keyFile})
	fails(t, store.Config{URL: srv.URL()}, "; name who has signed its certificate with --tlsca")
}

func TestATemporaryStoreIsDeleted(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // its name on Windows
	s, err := store.Open(t.Context(), store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadDir(temp)
	if err != nil || len(made) != 1 || !s.Temporary() {
		t.Errorf("got %v (%v), temporary: %v", made, err, s.Temporary())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v stays behind (%v)", left, err)
	}
}

func TestADirectoryIsKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "deep", "down")
	works(t, store.Config{Dir: dir})
	works(t, store.Config{Dir: dir})
	if left, err := os.ReadDir(dir); err != nil || len(left) == 0 {
		t.Errorf("the directory holds %v (%v)", left, err)
	}
}

func TestALostConnectionIsTold(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	log := newLog()
	s, err := store.Open(t.Context(), store.Config{URL: strings.Replace(srv.URL(), "://", "://me:hush@", 1), Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	srv.Restart(t)
	log.await(t, "is lost")
	log.await(t, "is back")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if said := log.String(); strings.Contains(said, "hush") {
		t.Errorf("a secret was told: %s", said)
	}
}

// log is what was logged so far. A test waits for words in it.
type log struct {
	mu      sync.Mutex
	said    string
	changed chan struct{}
}

func newLog() *log { return &log{changed: make(chan struct{}, 1)} }

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said += string(p)
	select {
	case l.changed <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said
}

func (l *log) await(t *testing.T, words string) {
	t.Helper()
	patience := time.After(20 * time.Second)
	for !strings.Contains(l.String(), words) {
		select {
		case <-l.changed:
		case <-patience:
			t.Fatalf("%q was not logged: %s", words, l)
		}
	}
}
