// Package wire is OpenFlow as bytes: it reads and writes the messages of OpenFlow 1.0,
// 1.3, 1.4 and 1.5 and of the Nicira extensions (vendor 0x00002320). It knows no
// switch and no connection; ofp/session does.
//
// # Terms
//
//   - A Kind is what a message is for, whatever the version; the number on the wire
//     (ofp_header.type) differs by version and is found by one table.
//   - A body is what follows the header of 8 bytes. In a multipart message (statistics
//     in 1.0) it begins with the part's own head.
//   - An Error is an OpenFlow error by its meaning; type and code differ by version.
//
// # Invariants
//
//   - Decoding never panics, never reads past what it was given, and allocates at most
//     in proportion to it. What it returns does not point into its input unless its
//     comment says so.
//   - Whatever is decoded without an error encodes to the same meaning.
//   - An error of decoding is an Error, that which the peer is to be sent.
//
// Encoders append to a slice, as append does, and return it. They fail on nothing: what
// does not fit a field of the wire is cut, which the comment of the field says. A record that
// has no room in a message is longer than it says; Replies leaves it out.
//
// One file is one family of messages. Nothing here keeps state, but for a Replies, which
// belongs to one goroutine; the rest may be called from any thread. Nothing here is for
// poll loops.
package wire
