// Package sketches holds the sketches of calmstream to the libraries that they could have been built on
// (docs/adr/0011-sketches.md): the same registers, and the same answers within the errors that both state.
package sketches
