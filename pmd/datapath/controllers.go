package datapath

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pollux/actions"
	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/pmd"
)

// PuntedPacket is a packet on its way to controllers.
type PuntedPacket struct {
	Data     []byte // as it was when it was sent, no more than the flow wants; valid during the call
	FullLen  int    // bytes that the packet had
	Reason   actions.PuntReason
	Table    uint8
	Cookie   uint64   // of the rule; actions.NoCookie: none
	InPort   uint32   // the field, which actions may have written; OpenFlow number
	PhyPort  uint32   // the port it came in by
	Fields   flow.Key // InPort, metadata, registers, tunnel: those not 0
	ID       uint16   // which controllers
	UserData string
	MeterID  uint32
	Pause    bool
	Frozen   actions.Frozen // what is left to do to a packet that pauses
	Loop     int
	At       int64 // ns, monotonic: when its batch came in
}

// DrainPunts calls fn with all packets that wait for controllers and returns how many there
// were. Those that one loop received come in order. fn copies what it keeps of p; it may take
// its time, at the price of packets that find no room meanwhile (punt_full). One thread at a
// time is let in.
func (d *Datapath) DrainPunts(fn func(p *PuntedPacket)) (n int) {
	d.draining.Lock()
	defer d.draining.Unlock()
	var p PuntedPacket
	for i, l := range d.loops {
		n += l.Punts().Drain(func(of *actions.PuntedPacket) {
			p.Data, p.FullLen, p.PhyPort, p.At, p.Loop = of.Data, of.FullLen, of.PhyPort, of.At, i
			p.Reason, p.Table, p.Cookie, p.InPort = of.Reason, of.Table, of.Cookie, of.InPort
			p.ID, p.UserData, p.MeterID, p.Pause, p.Frozen = of.ID, of.UserData, of.MeterID, of.Pause, of.Frozen
			of.Key(&p.Fields)
			fn(&p)
		})
	}
	return n
}

// DeliverPunts calls DrainPunts every interval, and at once again while packets come fast,
// until ctx ends. A millisecond is quick enough for people and protocols, and a ring holds
// 512,000 packets a second.
func (d *Datapath) DeliverPunts(ctx context.Context, interval time.Duration, fn func(p *PuntedPacket)) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		for d.DrainPunts(fn) >= busyPunts && ctx.Err() == nil {
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// busyPunts is how many packets at a time show that more are on their way.
const busyPunts = 128

// PacketOut has the switch treat a packet of a controller and returns when that is done. A
// packet that does not fit into a frame is ofperr.BadPacket. One that cannot be treated, for want
// of a free frame or because tables do not come to a decision, is ofperr.FlowModFailed
// (OFPFMFC_UNKNOWN, unspecified): no specification has an error for that, and this is what Open
// vSwitch answers. Without a frame the packet is not counted.
func (d *Datapath) PacketOut(p pmd.PacketOut) error { return d.PacketOuts([]pmd.PacketOut{p})[0] }

// PacketOuts is PacketOut of several, with an error or nil for each. Packets of one input port
// are treated in order, by one loop.
func (d *Datapath) PacketOuts(all []pmd.PacketOut) (errs []error) {
	errs = make([]error, len(all))
	for at := 0; at < len(all); {
		loop := d.injector(all[at].InPort)
		end := at + 1
		for end < len(all) && d.injector(all[end].InPort) == loop {
			end++
		}
		copy(errs[at:end], loop.Inject(all[at:end]))
		at = end
	}
	for i, err := range errs {
		switch {
		case errors.Is(err, pmd.ErrTooLong):
			errs[i] = fmt.Errorf("%d bytes: %w: %w", len(all[i].Frame), err, ofperr.BadPacket)
		case err != nil:
			errs[i] = fmt.Errorf("packet-out: %w: %w", err, ofperr.FlowModFailed)
		}
	}
	return errs
}

// injector returns the loop that treats packet-outs with an input port.
func (d *Datapath) injector(inPort uint32) *pmd.Loop { return d.loops[inPort%uint32(len(d.loops))] }
