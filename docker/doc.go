// Package docker is the folder of the images and compose files. It has no code, only a test that builds the images, runs them
// and kills a worker.
package docker
