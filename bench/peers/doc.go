// Package peers runs other switches beside Pollux, on the same work, in turns on the
// same core, and says how they compare.
//
// Terms. A case is traffic, a table and what is switched on. A contender is a switch
// that can be set up for a case; what it sets up is a device. A turn is some time in
// which one device has the core to itself: all others are at rest meanwhile, their
// poll loops stopped where they are ours and sent SIGSTOP where they are not. So a
// figure of one side and that of the other lie less than a second apart. A repeat is a
// device of each contender, made anew, and a few turns of each.
//
// What counts is packets by the processor time of the polling thread, not by the clock:
// what else the machine does meanwhile takes the core away and costs neither side
// anything but its caches. How long that was is told as the disturbed share.
//
// Invariants. Nothing of a run is left: not the processes (they are sent away by their
// number, and the kernel kills them should this process die), not the files, not the
// huge pages. Nothing that runs on the machine is used or touched: Open vSwitch has its
// own database and its own sockets in the run's folder. Nothing is installed from here.
//
// A further contender is a type with Name, Does and Open, and a line in Run's callers.
package peers
