// Package peers runs the collectors that others have written, on loopback, and reads
// what they say of each flow: nfcapd with nfdump, nfacctd of pmacct, and tshark's
// dissector over what a socket received. Our own collector decodes by goflow2's library.
//
// # Terms
//
// A [Report] is what a collector says of each flow, by as much of [mixed.Key] as it
// shows. A [View] takes from the truth what the collector cannot show, so that both can
// be compared; what that is, is said with each view.
//
// # Use
//
// Only tests use it: what goes wrong ends the test. Every process is a group of its own,
// is killed by its number when the test ends, and goes with the test if that is killed.
// Where a program is not installed the test is skipped, and fails if CI is true.
package peers
