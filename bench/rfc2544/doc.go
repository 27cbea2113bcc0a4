// Package rfc2544 measures a forwarding device by the method of RFC 2544:
// throughput without loss, latency at that load, loss against load, and the longest
// burst that passes whole.
//
// Terms. A Trial is so many frames at a rate for a time; an Outcome is what became of
// them. A Tester does trials: on wires (Wires), or as a model in tests. The maximum is
// what the device delivers when it is offered more than it can take.
//
// Void trials. On a machine that others use, frames are lost because the generator or
// the device did not get its core. An Outcome says so where it can be known (Void), and
// such a trial is done again, a bounded number of times. What is void then is told as
// void: a search says that it ended there for that reason, a latency and a point of a
// curve that they are not the device's.
//
// Loss once. A search ends at the highest rate without loss. One disturbance in a trial
// would end it at half the truth, so a trial with loss is repeated, and the rate counts
// as one without loss when a repetition has none (ETSI GS NFV-TST 009 calls this binary
// search with loss verification). Loss that a rate really has shows every time.
package rfc2544
