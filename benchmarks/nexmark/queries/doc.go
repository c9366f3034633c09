// Package queries has the queries of Nexmark as pipelines: q0 to q23, and q6s, which is q6 without its average.
//
// Their rows are those of the SQL of github.com/nexmark/nexmark, as JSON objects with the names of its columns. Where a query could not
// be taken over as it is, Query.Adapted says how it differs. The results of all of them are held against SQL by the module
// benchmarks/nexmark/sqlite.
//
// What a query costs in waiting shows in its plan. Some need not wait for anything: a row that is true stays true. Others have rows
// that can change as long as input is missing; those leave when the window, or the input, is sealed.
package queries
