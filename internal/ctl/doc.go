// Package ctl is how commands reach a running switch: text over a Unix socket.
//
// The protocol is that of Open vSwitch's unixctl, JSON-RPC 1.0: a request
//
//	{"method":"fdb/show","params":["--json"],"id":0}
//
// with a method and strings, and a reply with the same id and either a result or an
// error, both text that ends in a newline. So `ovs-appctl -t SOCKET COMMAND` works,
// too. A connection carries any number of requests, one after the other.
//
// Handlers run one at a time, in the order in which requests arrive, and are never
// called after Close has returned: they need no lock against each other. A client
// that sends too much, too slowly, or reads too slowly is cut off; it never holds a
// handler up, since replies are written outside of them. Nothing here is called
// from a poll loop.
package ctl
