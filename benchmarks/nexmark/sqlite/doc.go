// Package sqlite holds the results of the Nexmark queries against SQL: the same events in SQLite, and each query as SQL. The
// folder sql has the statements, for whoever wants to see or run them: schema.sql makes the tables out of what calmstream nexmark dump
// prints.
//
// It is a module of its own, so that SQLite is no dependency of calmstream.
package sqlite
