// Package nexmark generates the events of Nexmark, the benchmark of queries over streams: people who register at an auction house, the
// auctions that they open, and the bids of others. Package queries asks them.
//
// The generator follows that of github.com/nexmark/nexmark: its proportions, its hot auctions, sellers and bidders, its ids that refer to
// what does not exist yet, its log-uniform prices, its event times and its disorder. It differs in one thing: each event is a
// function of the seed and the id of the event alone. So anyone can make any event again, in any order: a producer, a reader
// that checks results, another process. What is drawn is distributed as there, and not the same bytes.
package nexmark
