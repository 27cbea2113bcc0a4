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
// # Threads
//
// One goroutine (tick) is the control plane's clock: it drains what loops learned,
// expires flows and addresses, publishes snapshots. Commands come on goroutines of the
// control socket. Both change the switch under Switch.mu; loops are asked by mailbox.
package vswitch
