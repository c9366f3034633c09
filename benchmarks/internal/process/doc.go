// Package process starts the servers and workers of benchmarks as processes of their own: a program starts itself, or another, again.
package process
