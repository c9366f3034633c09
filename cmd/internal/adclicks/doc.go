// Package adclicks is the pipeline that calmstream shows itself with: clicks on advertisements, counted for each campaign and
// window.
//
//	events -> decode -> clicks only -> by campaign -> windows -> count -+-> threshold -> <name>.alerts.stable.>  at once
//	                                                                    +-> seal -> top 5 -> <name>.top.final.>  when final
//
// The alert about a campaign and the ranking of its window come from the same count. The alert leaves as soon as it is true,
// since a count that only grows cannot fall below its threshold again. The ranking waits for the seal of the window,
// since the next click could change it.
//
// Generator makes a stream of events that is a function of its Load alone: campaigns of unequal popularity, one of them with
// bursts of clicks, times out of order, records that come too late for their window and messages that are no events.
// Tally counts the same stream in the plainest way there is, so that the results of the pipeline can be held against it.
package adclicks
