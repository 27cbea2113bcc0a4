package vswitch

import (
	"pollux/configs"
	"pollux/internal/packet"
	"pollux/pmd"
	"pollux/pmd/port"
)

func openMemory(p *configs.Port, mem *packet.Memory) (pmd.Port, error) {
	m := &p.Memory
	dev, err := port.OpenMemory(port.MemoryConfig{
		Queues: p.Queues, Flows: m.Flows, Masks: m.Masks, Mix: port.Mix{{Size: m.Size, Weight: 1}},
		Random: m.Order == "random", Count: uint64(m.Count),
	}, mem)
	if err != nil {
		return nil, err
	}
	return dev, nil
}

func openPCAP(p *configs.Port, mem *packet.Memory) (pmd.Port, error) {
	repeat := p.PCAP.Repeat
	if repeat == 0 {
		repeat = -1 // 0 in the file is for ever
	}
	dev, err := port.OpenPcap(port.PcapConfig{
		Read: p.PCAP.Read, Write: p.PCAP.Write, Loop: repeat, PPS: float64(p.PCAP.Rate),
	}, mem)
	if err != nil {
		return nil, err
	}
	return dev, nil
}

func openTap(p *configs.Port, mem *packet.Memory) (pmd.Port, error) {
	c := port.TapConfig{Device: p.Device, Addrs: addresses(p)}
	if !p.MAC.IsZero() {
		c.MAC = p.MAC.String()
	}
	dev, err := port.OpenTap(c, mem)
	if err != nil {
		return nil, err
	}
	return dev, nil
}

// addresses are those of a tap as the kernel's tools write them.
func addresses(p *configs.Port) (list []string) {
	for _, a := range p.Address {
		list = append(list, a.String())
	}
	return list
}
