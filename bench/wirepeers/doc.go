// Package wirepeers starts other switches between two network devices, as
// bench.Device, so that they can be measured on the same wires in the same run as Pollux.
//
// Equal work: one thread forwards, pinned to the place's core; all else runs on its
// control core; one rule sends each device's frames out of the other. What can't be equal
// is said where the peer is defined. Nothing is installed: a peer whose programs are not
// there says so (New), and which package of Debian has them.
//
// A peer's files lie in the place's folder, its namespaces and devices are the caller's,
// and Stop ends what Start started, by process number. Reserved huge pages stay reserved.
package wirepeers
