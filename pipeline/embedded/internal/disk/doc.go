// Package disk is what differs between operating systems: the lock on a file and the free space of a disk. It imports no server, so that
// compiling it for each system is cheap.
package disk
