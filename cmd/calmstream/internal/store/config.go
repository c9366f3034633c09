package store

import (
	"errors"
	"flag"
	"log/slog"
)

// Config says which server to use. Its zero value is an embedded server in a temporary directory.
type Config struct {
	// URL is the address of a NATS server, or several with commas between them. Empty means an embedded server.
	URL string
	// Dir is the directory of the embedded server. Empty means a temporary one.
	Dir string
	// Creds is a credentials file, and NKey a file with the seed of an NKey.
	Creds, NKey string
	// TLSCA is a file with the certificates to trust, TLSCert and TLSKey are the client's own.
	TLSCA, TLSCert, TLSKey string
	// Logger takes what happens to the server and the connection; nil discards it.
	Logger *slog.Logger
}

// Flags adds the flags that fill in the Config: --nats, --store and the credentials.
func (c *Config) Flags(set *flag.FlagSet) {
	set.StringVar(&c.URL, "nats", "", "`URL` of a NATS server with JetStream; without it an embedded one runs")
	set.StringVar(&c.Dir, "store", "", "`directory` of the embedded server; without it everything is temporary")
	set.StringVar(&c.Creds, "creds", "", "credentials `file` for --nats")
	set.StringVar(&c.NKey, "nkey", "", "`file` with an NKey seed for --nats")
	set.StringVar(&c.TLSCA, "tlsca", "", "`file` with the certificates that --nats must be signed by")
	set.StringVar(&c.TLSCert, "tlscert", "", "`file` with the client's certificate for --nats")
	set.StringVar(&c.TLSKey, "tlskey", "", "`file` with the key of --tlscert")
}

// Check says which flags do not go together.
func (c Config) Check() error {
	secret := c.Creds + c.NKey + c.TLSCA + c.TLSCert + c.TLSKey
	switch {
	case c.URL != "" && c.Dir != "":
		return errors.New("--store is the directory of the embedded server, which --nats replaces; give one of them")
	case c.URL == "" && secret != "":
		return errors.New("--creds, --nkey, --tlsca, --tlscert and --tlskey belong to --nats; the embedded server needs none of them")
	case c.Creds != "" && c.NKey != "":
		return errors.New("--creds and --nkey are two ways to say who this is; give one of them")
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("--tlscert and --tlskey belong together")
	}
	return nil
}
