package vswitch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pollux/configs"
	"pollux/flow"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/datapath"
	"pollux/pmd/port"
)

// vport is a port of the configuration in its slot.
type vport struct {
	cfg   configs.Port
	slot  int
	index int    // of the device that is open, 0 while it is away
	up    bool   // the device is there, up, and has carrier
	why   string // why it is not there
}

// ofport returns the number of a port as OpenFlow 1.3 writes it.
func ofport(p configs.OFPort) uint32 {
	if p == configs.Local {
		return flow.PortLocal
	}
	return uint32(p)
}

// openDevice opens what the configuration of a port names.
func (s *Switch) openDevice(p *configs.Port) (pmd.Port, error) {
	switch p.Type {
	case configs.AFXDP:
		return port.OpenAFXDP(port.AFXDPConfig{
			Device: p.Device, Queues: p.Queues, Mode: string(p.Mode),
			RxRing: p.RxRing, TxRing: p.TxRing, TxBudget: p.TxBudget,
			BusyPoll: int(p.BusyPoll.Std() / time.Microsecond),
		}, s.mem)
	case configs.MemoryType:
		return openMemory(p, s.mem)
	case configs.PCAP:
		return openPCAP(p, s.mem)
	case configs.Tap:
		return openTap(p, s.mem)
	}
	return nil, fmt.Errorf("port %s: type %q is none of afxdp, memory, pcap, tap", p.Name, p.Type)
}

// isAway says whether err means that a network device is not there (yet).
func isAway(err error) bool {
	var gone netlink.LinkNotFoundError
	return errors.As(err, &gone)
}

// plug opens a port's device and gives it to the loops. A device that is not there
// is waited for; any other trouble is an error.
func (s *Switch) plug(v *vport) error {
	dev, err := s.openDevice(&v.cfg)
	if err != nil {
		if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EEXIST) {
			err = fmt.Errorf("%w (another program has the device: is a second switch running, or an XDP program loaded? see ip link show %s)", err, v.cfg.Device)
		}
		v.index, v.up, v.why = 0, false, err.Error()
		return fmt.Errorf("port %s: %w", v.cfg.Name, err)
	}
	if err := s.dp.Attach(v.slot, dev); err != nil {
		_, cerr := dev.Close()
		return errors.Join(err, cerr)
	}
	info := dev.Info()
	v.index, v.why = info.IfIndex, ""
	v.up = linkUp(info.IfIndex)
	s.dp.SetUp(v.slot, v.up)
	if info.Details["driver"] == "veth" {
		s.log.Info("a veth's other end must compute checksums itself, or TCP and UDP of its host are sent without: ethtool -K DEVICE tx off there", "port", v.cfg.Name)
	}
	s.log.Info("port open", "port", v.cfg.Name, "type", info.Type, "device", info.Device,
		"mode", info.Mode, "queues", info.Queues, "mtu", info.MTU, "up", v.up)
	return nil
}

// hasDevice says whether the device with this index is there and has this name.
func hasDevice(index int, name string) bool {
	l, err := netlink.LinkByIndex(index)
	if err != nil {
		return !isAway(err)
	}
	return l.Attrs().Name == name
}

// linkUp says whether device index is up and has carrier; what has no kernel device
// is always up.
func linkUp(index int) bool {
	if index == 0 {
		return true
	}
	l, err := netlink.LinkByIndex(index)
	if err != nil {
		return false
	}
	a := l.Attrs()
	return a.Flags&net.FlagUp != 0 && a.OperState != netlink.OperDown && a.OperState != netlink.OperLowerLayerDown
}

// staticPort describes a port to the tables by its configuration alone.
func staticPort(v *vport) pipeline.Port {
	p := pipeline.Port{
		OFPort:  ofport(v.cfg.OFPort),
		Slot:    uint32(v.slot),
		Name:    v.cfg.Name,
		Up:      v.up,
		NoFlood: !v.cfg.Flood,
		Mode:    vlanModes[v.cfg.VLAN.Mode],
		Tag:     uint16(v.cfg.VLAN.Tag),
	}
	for _, t := range v.cfg.VLAN.Trunks {
		p.Trunks.Add(uint16(t))
	}
	var queues []pipeline.Queue
	for _, q := range v.cfg.QoS.Queues {
		queues = append(queues, pipeline.Queue{ID: q.ID, MaxRate: uint64(q.MaxRate), Burst: uint64(q.Burst)})
	}
	p.Queues = pipeline.NewQueues(queues)
	return p
}

// pipelinePort describes a port, and the device it has, to the tables.
func (s *Switch) pipelinePort(v *vport) pipeline.Port {
	p := staticPort(v)
	if info := s.dp.Info(v.slot); info != nil {
		p.MTU = info.MTU
		if hw, err := net.ParseMAC(info.MAC); err == nil {
			for _, b := range hw {
				p.MAC = p.MAC<<8 | uint64(b)
			}
		}
	}
	return p
}

var vlanModes = map[configs.VLANMode]pipeline.VLANMode{
	configs.Access:         pipeline.Access,
	configs.Trunk:          pipeline.Trunk,
	configs.NativeTagged:   pipeline.NativeTagged,
	configs.NativeUntagged: pipeline.NativeUntagged,
}

// datapathPort is the port as the datapath holds it.
func (v *vport) datapathPort() *datapath.Port {
	p := &datapath.Port{
		Slot: v.slot, OFPort: ofport(v.cfg.OFPort), Name: v.cfg.Name,
		Loops: slices.Clone(v.cfg.Loops), Pinned: v.cfg.Pinned,
	}
	if v.cfg.Type == configs.AFXDP {
		p.Frames, p.TxFrames = 2*v.cfg.RxRing, 2*v.cfg.TxRing
	}
	return p
}

// mtu returns the MTU by which a port's device was opened, 0 while there is none.
func (s *Switch) mtu(v *vport) int {
	if p := s.dp.Info(v.slot); p != nil {
		return p.MTU
	}
	return 0
}

// retryEvery is how often a port without a device is tried again: what kept it from
// opening, another program on the device say, may go without a word from the kernel.
const retryEvery = time.Second

// retry tries to open the devices of ports that have none, until ctx is done.
func (s *Switch) retry(ctx context.Context) {
	t := time.NewTicker(retryEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.retryOnce()
		}
	}
}

func (s *Switch) retryOnce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for _, v := range s.ports {
		if s.closed || s.dp.Info(v.slot) != nil {
			continue
		}
		was := v.why
		switch err := s.plug(v); {
		case err == nil:
			changed = true
		case v.why != was && !isAway(err):
			s.log.Error("open device", "port", v.cfg.Name, "device", v.cfg.Device, "error", err)
		}
	}
	if changed {
		s.publishPorts()
	}
}

// link handles a change of a network device that may be one of ours.
func (s *Switch) link(e port.LinkEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	changed := false
	for _, v := range s.ports {
		if v.cfg.Device != e.Name || v.cfg.Type != configs.AFXDP && v.cfg.Type != configs.Tap {
			continue
		}
		if !e.Removed && v.index != 0 && v.index != e.Index && hasDevice(v.index, e.Name) {
			continue // late word of one that had the name before, and was let go of
		}
		switch {
		case e.Removed && v.index == e.Index, !e.Removed && v.index != 0 && v.index != e.Index:
			s.log.Warn("device is gone; waiting for it to come back", "port", v.cfg.Name, "device", e.Name)
			if err := s.dp.Detach(v.slot); err != nil {
				s.log.Error("release device", "port", v.cfg.Name, "error", err)
			}
			v.index, v.up, v.why = 0, false, "the device is gone"
			changed = true
		}
		switch {
		case e.Removed || v.cfg.Type != configs.AFXDP && v.index == 0: // a tap is made again by retry
		case v.index == 0:
			// A device that is not up yet opens as well; it reports again when it is.
			if err := s.plug(v); err != nil {
				s.log.Error("open device", "port", v.cfg.Name, "device", e.Name, "error", err)
				continue
			}
			changed = true
		case v.cfg.Type == configs.AFXDP && e.MTU != s.mtu(v):
			// A tap is not touched: it would be gone when closed. The port is opened again by the new size, which a chunk may be too small for.
			s.log.Warn("mtu has changed", "port", v.cfg.Name, "device", e.Name, "mtu", e.MTU)
			if err := s.dp.Detach(v.slot); err != nil {
				s.log.Error("release device", "port", v.cfg.Name, "error", err)
			}
			if err := s.plug(v); err != nil {
				s.log.Error("open device", "port", v.cfg.Name, "device", e.Name, "error", err)
			}
			changed = true
		case v.up != (e.Up && e.Carrier) && v.up != linkUp(v.index): // as it is now: the event may be of before it was opened
			v.up = !v.up
			s.dp.SetUp(v.slot, v.up)
			state := "down"
			if v.up {
				state = "up"
			}
			s.log.Warn("link is "+state, "port", v.cfg.Name, "device", e.Name)
			changed = true
		}
	}
	if changed {
		s.publishPorts()
	}
}
