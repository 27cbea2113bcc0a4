package vswitch

import (
	"github.com/safchain/ethtool"

	"pollux/actions"
	"pollux/configs"
	"pollux/ipfix"
)

// ifType (IANA ifType-MIB) of ports.
const (
	ethernetCsmacd = 6
	propVirtual    = 53
)

// noteInterfaces keeps the interface table of the ports for the exporters, which read
// it in their own threads.
func (s *Switch) noteInterfaces(ports []*vport) {
	list := make([]ipfix.Interface, 0, len(ports))
	for _, v := range ports {
		i := ipfix.Interface{
			Index: ofport(v.cfg.OFPort), Name: v.cfg.Name, Description: string(v.cfg.Type), Type: propVirtual,
		}
		if v.cfg.Device != "" {
			i.Description += " " + v.cfg.Device
		}
		if v.cfg.Type == configs.AFXDP {
			i.Type = ethernetCsmacd
		}
		if v.index != 0 {
			i.Speed = linkSpeed(v.cfg.Device)
		}
		list = append(list, i)
	}
	s.ifaces.Store(&list)
}

// interfaces returns the interface table. Any thread may call it.
func (s *Switch) interfaces() []ipfix.Interface {
	if list := s.ifaces.Load(); list != nil {
		return *list
	}
	return nil
}

// linkSpeed asks the kernel how fast a device is, in bits a second; 0 is not known.
func linkSpeed(device string) uint64 {
	var cmd ethtool.EthtoolCmd
	mbit, err := cmd.CmdGet(device)
	if err != nil || mbit == 0 || mbit == 1<<32-1 || mbit == 1<<16-1 { // SPEED_UNKNOWN
		return 0
	}
	return uint64(mbit) * 1e6
}

// dropReasons lists why packets are dropped, for the exporters to name.
func dropReasons() (list []ipfix.DropReason) {
	for r := actions.DropNone + 1; r < actions.NumReasons; r++ {
		list = append(list, ipfix.DropReason{ID: uint8(r), Name: r.String(), Sentence: r.Sentence()})
	}
	return list
}
