// Package openvswitch runs an Open vSwitch of its own for tests that compare with it:
// ovsdb-server and ovs-vswitchd in a folder, with a bridge in the userspace datapath whose
// ports are dummies. Frames come in by Send; what leaves a port is read from the file that the
// port keeps (tx_pcap). Nothing of it touches the host's network, nor an Open vSwitch that runs
// there.
//
// It needs openvswitch-switch to be installed, and root. Written for 3.1.
package openvswitch
