// Package ipfix sends the flow records of the poll loops' caches to collectors as
// IPFIX (RFC 7011) over UDP.
//
// # Terms
//
// An element is one kind of information, numbered by IANA; Elements is the one
// table of those this package knows, which templates, encoder, reader and
// documents read. A template lists the elements of one kind of record. A message
// holds sets, a set holds templates or records of one template. A domain is an
// observation domain: numbers of templates and of sequence belong to it. A target
// is one collector and the transport session with it.
//
// # Invariants
//
//   - A record popped from a cache's ring is, for each target, sent or counted as
//     not sent, or still pending in the merge.
//   - A message is never longer than the configured size, and is sent when the
//     next record does not fit or a flush interval has passed.
//   - The sequence number of a message is the number of data records, those of
//     options included, that were sent before it in the same domain and session,
//     modulo 2^32 (RFC 7011 section 3.1).
//   - No collector makes another wait: a name is looked up aside, and records for
//     a target without a socket are counted as not sent. An address in numbers is
//     open before the first message.
//   - A stop ends within DrainTimeout, whatever collectors and resolvers do.
//   - Flow times and export times come from one wall clock, read anew each round,
//     so that a step of it changes both.
//   - A template keeps its number as long as the program does.
//
// # Merging
//
// When several loops have a part of one flow, their records are merged if they
// leave the caches within the merge window of each other. The window begins with
// the first part. Parts whose ends are further apart (a loop whose share went idle
// earlier than another's) go as records of their own; they are deltas, so that
// sums are right in any case.
//
// # Threads
//
// Run is one goroutine, the consumer of all rings. A target given by name has a
// goroutine beside it while its socket is being opened. Stats may be called by any.
package ipfix
