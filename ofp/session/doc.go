// Package session is OpenFlow connections: it listens, agrees on a version, answers
// requests, and ends what is silent, slow or wrong. Bytes are ofp/wire's business; what
// the switch knows it asks by the interface Switch.
//
// # Terms
//
//   - A listener is punix:PATH or ptcp:[PORT][:HOST], as Open vSwitch writes them.
//   - A session is one connection of a controller or of a tool such as ovs-ofctl. All
//     sessions are alike: there are no roles yet, and nothing asynchronous is sent.
//
// # Invariants
//
//   - Requests of a session are answered in their order, by its own goroutine, and each
//     is done before the next is read: a barrier has nothing to wait for.
//   - Every request is answered, be it by an error with what the specification says for
//     it and the first 64 bytes of the request. An ERROR is never answered.
//   - A session holds at most one message of its peer's (64 KiB) and a bounded number of
//     bytes for it. Who does not read is not read from any more, and is closed after a
//     while. Others don't notice.
//   - Of a listener there are at most maxSessions sessions, so that one that is open to a
//     network can't keep the local one from answering.
//   - After Close nothing of a server runs: no goroutine, no handler; the name of its
//     Unix socket is gone.
//
// # Threads
//
// Each session has two goroutines: one reads and handles, one writes. Methods of Switch are
// called by the sessions' goroutines, several at once. Nothing here is called from a poll
// loop.
package session
