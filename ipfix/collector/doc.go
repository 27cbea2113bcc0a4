// Package collector is a small IPFIX collector: it takes messages over UDP, TCP, TLS,
// DTLS and from files (RFC 7011, RFC 5655), decodes with the decoder of goflow2 (an
// implementation that shares nothing with our exporter), checks sequence numbers, keeps
// totals of every flow and what options tell. Tests compare it with what was sent, the
// demonstration shows its table, pollux ipfix read and collect print its records.
//
// # Terms
//
// A session is an exporter's UDP socket, a connection, or a file; templates and the
// names of private elements belong to it. An observation domain of a session has its own
// sequence numbers, from 0 on a connection. Missing counts data records, options
// too, that the numbers say were sent and that were not decoded here; a gap is a place
// where some are. A biflow is a record of two directions (RFC 5103): each
// counts for the flow of its own key, so that sums are those of records of one direction.
//
// # The guard
//
// goflow2's decoder gets template records one at a time and data sets cut to their
// records, after their lengths were checked, because by itself it
//
//   - takes a withdrawal for a template without fields, and that of an options
//     template for the begin of a definition;
//   - gives the bytes there are for a value, or a set, that says it is longer;
//   - looks for one more record behind a set whose fields all have variable lengths,
//     fails there, and drops those before;
//   - searches without end for records that have no length;
//   - leaves the enterprise bit in the element numbers of options templates;
//   - keeps any number of templates of any size.
//
// A message whose sets do not fill it is discarded as a whole. A stream is closed when
// what follows is no message, when a template changes without a withdrawal, and when
// one is withdrawn that there is not (RFC 7011 section 8.1). Everything else that is
// wrong is counted and concerns one set. A connection that is broken off in a message
// counts too.
//
// # Bounds
//
// 256 sessions (the one quiet for longest gives way) with 256 connections, 1024 domains
// each, 4096 templates with 65,536 fields and 4096 things told each, strings of 255
// bytes, a million flows at 600 bytes; flows beyond are counted in the totals alone. A message makes at most 131,072 values. It is a tool for looking and testing,
// and no store of records.
//
// # Threads and cost
//
// One goroutine reads each socket or connection. All methods but OnRecord may be called
// from any; they take a lock that a reader holds while it handles one message, in which
// OnRecord's function runs. A record costs about a microsecond, with OnRecord two.
package collector
