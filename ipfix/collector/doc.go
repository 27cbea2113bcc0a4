// Package collector is a small IPFIX collector: it listens on UDP, decodes with
// the decoder of goflow2 (an implementation that shares nothing with ours), checks
// sequence numbers and keeps totals of every flow. The demonstration shows its
// table, tests compare its totals with what was sent.
//
// # Terms
//
// A session is one exporter's address and one observation domain: templates and
// sequence numbers belong to it. Missing counts data records that the sequence
// numbers say were sent and that did not arrive.
//
// # Threads
//
// One goroutine reads the socket. All methods may be called from any; they take a
// lock that the reader holds while it handles one message.
//
// # Limits
//
// Flows beyond a bound are counted in the totals alone. It is a tool for looking
// and testing, and no store of records.
package collector
