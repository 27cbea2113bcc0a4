// Package lab makes small networks for tests, the demo and benchmarks: named
// network namespaces joined by veth pairs, with everything that would blur a
// count or a checksum turned off.
//
// Terms. A Lab owns what it made. A Namespace is named PREFIX-PID-NAME and lies
// in /run/netns, so that `ip netns exec` and a person can enter it. A Veth is a
// pair of devices, each End in a namespace of the lab.
//
// A namespace starts with loopback up and IPv6 off; an End that asks for an IPv6
// address gets it on, without router solicitations, duplicate address detection
// or a link-local address of the kernel's choosing (multicast listener reports
// are the only frames the kernel then sends by itself). Checksum, segmentation
// and receive-merging offloads are off on both ends, so what is on the wire is
// what a real network card would put there, checksums included.
//
// Lifetime. Close removes all of it. A process that was killed leaves its
// namespaces behind; Sweep removes those whose process is gone.
//
// Threads. A Lab is for one goroutine. Namespace.Do may be called from any.
package lab
