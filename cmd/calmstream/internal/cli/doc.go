// Package cli is the command line of calmstream: it reads arguments, calls what they name, and turns what comes of it into
// output, sentences and an exit status.
//
//	0        done
//	1        it could not be done, or the results are incomplete; one sentence on standard error says why
//	2        the command line makes no sense
//	130, 143 stopped by SIGINT or SIGTERM
//
// Results go to standard output, whole or not at all; only dumps, which may be larger than memory, go there as they are made. Everything else
// goes to standard error: progress if it is a terminal, otherwise nothing but what one has to know.
package cli
