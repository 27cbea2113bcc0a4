// Package vswitch puts a switch together from a configuration and runs it: memory,
// ports, tables, loops, exporters, control socket. It is where the rooms meet; what
// each does it does in its own package.
//
// # Life
//
//	New     nothing runs yet; on an error nothing is left behind
//	Run     devices open, loops poll, "ready" is printed, until the context ends
//	Reload  reads the file again; applies all of it or nothing
//	close   loops stop, flow caches flush, exporters drain, devices are released
//
// # Exporters
//
// An exporter is an exporting process (package ipfix) with a flow cache in every loop,
// known to tables and loops by an index that it keeps as long as it is there. A reload,
// or ipfix/set for one key, touches what it concerns (exporterChange): where records go
// and what they say is told to the process; timeouts and sampling to the caches, which
// keep their flows; another key or size makes new caches, and the old ones end their
// flows with flowEndReason 4. One that is removed sends what it has in the background.
// Whatever changes, what an exporter has seen is exported, held, or counted as not sent.
//
// # Threads
//
// One goroutine (tick) is the control plane's clock: it drains what loops learned,
// expires flows and addresses, publishes snapshots. Commands come on goroutines of the
// control socket. Both change the switch under Switch.mu; loops are asked by mailbox.
package vswitch
