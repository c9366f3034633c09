// Command calmstream counts words, shows plans and gives a demonstration of stream processing on NATS JetStream: see
// calmstream help.
package main

import (
	"os"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
