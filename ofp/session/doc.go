// Package session is OpenFlow connections: it listens and connects, agrees on a version,
// answers requests, tells who wants to know what happens, and ends what is silent, slow or
// wrong. Bytes are ofp/wire's business; what the switch knows it asks by the interface
// Switch.
//
// # Terms
//
//   - A listener is punix:PATH, ptcp:[PORT][:HOST] or pssl:[PORT][:HOST], a controller
//     unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT], as Open vSwitch writes them.
//   - A session is one connection of a controller or of a tool such as ovs-ofctl. Those
//     with controllers that the switch connects to are primary, others are service
//     connections: they are told nothing unasked before they ask for packets, and the
//     switch is on its own without the former alone.
//   - A controller that is connected is admitted when it has done something that only one
//     does that takes the switch.
//   - Each session has a role: equal, master or slave. A slave may not write.
//
// # Invariants
//
//   - Requests of a session are answered in their order, by its own goroutine, and each
//     is done before the next is read: a barrier has nothing to wait for.
//   - Every request is answered, be it by an error with what the specification says for
//     it and the request. An ERROR is never answered.
//   - When a new master is told that it is, no write of the old one is under way.
//   - A session holds at most one message of its peer's (64 KiB), or one request in
//     several (1 MiB), and a bounded number of bytes for it. Who does not read is not read
//     from any more, and is closed after a while. Others don't notice. What is in bundles is
//     bounded for all sessions together.
//   - A mistake in what a session does ends that session, whichever of its goroutines it was in.
//   - Who tells sessions of something (a packet-in, a flow that was removed) never waits.
//     A peer that does not read loses packet-ins, with a count; what must not be lost it
//     gets, or its session ends.
//   - What a request does to flows is told, to monitors of them, before the request is
//     answered. A peer that does not read what it is told is told no more until it has, and
//     then what it has missed; that waits as other news do.
//   - Of a listener there are at most maxSessions sessions, so that one that is open to a
//     network can't keep the local one from answering.
//   - After Close nothing of a server runs: no goroutine, no handler; the name of its
//     Unix socket is gone.
//
// # Threads
//
// Each session has two goroutines: one reads and handles, one writes. A controller has one
// that connects, and is its sessions' reader. Methods of Switch are called by the
// sessions' goroutines, several at once. What monitors are is guarded by the mutex of
// pipeline.State, which tells of changes with it held. Nothing here is called from a poll loop.
//
// Locks are taken in this order: roles.mu, statuses.mu, Server.mu, controller.mu, failover.mu,
// pipeline.State's, session.mu, outbox.mu.
package session
