package bench

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"pollux/bench/ruleset"
	"pollux/bench/scenarios"
	"pollux/internal/packet"
	"pollux/pmd"
	"pollux/pmd/port"
)

// traffic is the packets of a scenario; set is the rules that were made for it, if any.
type traffic struct {
	*scenarios.Traffic
	loops int
	set   *ruleset.Set
}

// source is the memory port that the packets come from.
func (t traffic) source() (c port.MemoryConfig, err error) {
	c = port.MemoryConfig{
		Queues: t.loops, Flows: t.Flows, Masks: t.Masks, Mix: t.Size.Mix,
		Random: t.Order == "random", Rate: float64(t.Rate), Burst: t.Burst, New: float64(t.NewFlows) / float64(t.loops),
	}
	if t.Order == "zipf" {
		c.Order = newOrder(t.Flows, float64(t.Skew), t.rand())
	}
	if !t.InTable() {
		return c, nil
	}
	var attack []ruleset.Packet
	if t.Attack > 0 {
		attack = t.set.Attack(t.rand())
		c.Order = t.attacked(c.Order, len(attack))
	}
	c.Frames, err = t.table(attack)
	return c, err
}

func (t traffic) rand() *rand.Rand { return rand.New(rand.NewPCG(uint64(t.Seed), 0x74726166666963)) }

// table keeps the frames of all flows, and after them those of the attack.
func (t traffic) table(attack []ruleset.Packet) (*port.FrameTable, error) {
	rng := t.rand()
	sizes := t.sizes()
	long := t.IP == "ipv6" || t.VLAN != 0 || t.set != nil // which may be either
	var b [ruleset.HeaderRoom]byte
	return port.NewFrameTable(t.Flows+len(attack), long, func(i int) ([]byte, int) {
		p := ruleset.Packet{}
		switch {
		case i >= t.Flows:
			p = attack[i-t.Flows]
		case t.From == "rules":
			p = t.set.Draw(rng)
		default:
			p = t.packet(i)
		}
		clear(b[:])
		length := max(sizes[i%len(sizes)], p.HeaderLen())
		return p.Headers(b[:], length), length
	})
}

// sizes is one round of the lengths, by weight.
func (t traffic) sizes() (list []int) {
	for _, s := range t.Size.Mix {
		for range s.Weight {
			list = append(list, s.Size)
		}
	}
	return list
}

// packet is a packet of flow i, with the numbers that a memory port gives it.
func (t traffic) packet(i int) ruleset.Packet {
	p := ruleset.Packet{
		SrcMAC: 0x020000000000, DstMAC: 0x020000000202, VLAN: uint16(t.VLAN),
		SrcPort: uint16(1024 + i&4095), DstPort: uint16(2000 + i%16),
		Proto: map[string]uint8{"udp": ruleset.UDP, "tcp": ruleset.TCP, "icmp": ruleset.ICMP}[t.Protocol],
	}
	if g := i % t.Masks; g < 40 {
		p.SrcMAC ^= 1 << g
	} else {
		p.DstMAC ^= 1 << (g - 40)
	}
	if t.IP == "ipv6" {
		src, dst := [16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1}, [16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 2, 15: 1}
		be.PutUint32(src[12:], uint32(i>>12))
		p.Src, p.Dst = netip.AddrFrom16(src), netip.AddrFrom16(dst)
		if p.Proto == ruleset.ICMP {
			p.Proto = ruleset.ICMPv6
		}
		return p
	}
	src := [4]byte{}
	be.PutUint32(src[:], 10<<24+uint32(i>>12))
	p.Src, p.Dst = netip.AddrFrom4(src), netip.AddrFrom4([4]byte{10, 200, 0, 1})
	return p
}

// attacked mixes n packets of the attack, whose flows follow the others', into the order
// of the flows, nil being in turn.
func (t traffic) attacked(order []uint32, n int) []uint32 {
	if order == nil {
		order = make([]uint32, t.Flows)
		for i := range order {
			order[i] = uint32(i)
		}
		if t.Order == "random" {
			t.rand().Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		}
	}
	rounds := (n*100/t.Attack + 99) / 100 // of a hundred, until each packet of it came
	if t.Attack < 100 {
		rounds = max(rounds, len(order)/(100-t.Attack)+1)
	}
	mixed := make([]uint32, 0, rounds*100)
	a, v := 0, 0
	for k := range rounds * 100 {
		// Spread evenly: the share so far is never more than one packet off.
		if (k+1)*t.Attack/100 > k*t.Attack/100 {
			mixed = append(mixed, uint32(t.Flows+a%n))
			a++
			continue
		}
		mixed = append(mixed, order[v%len(order)])
		v++
	}
	return mixed
}

// open opens the port that packets come from.
func (t traffic) open(mem *packet.Memory) (pmd.Port, error) {
	if t.Port == "pcap" && t.File != "" {
		return port.OpenPcap(port.PcapConfig{Read: t.File, Loop: -1, PPS: float64(t.Rate)}, mem)
	}
	c, err := t.source()
	if err != nil {
		return nil, err
	}
	if t.Port == "memory" {
		return port.OpenMemory(c, mem)
	}
	file, err := os.CreateTemp("", "pollux-*.pcap")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name()) // the port has read it then
	if err := errors.Join(writePcap(file, &c), file.Close()); err != nil {
		return nil, err
	}
	return port.OpenPcap(port.PcapConfig{Read: file.Name(), Loop: -1, PPS: float64(t.Rate)}, mem)
}

// pcapMost is the most frames that are written for a pcap port to play.
const pcapMost = 1 << 18

// writePcap writes one round of the traffic.
func writePcap(file *os.File, c *port.MemoryConfig) error {
	w := bufio.NewWriterSize(file, 1<<20)
	p := pcapgo.NewWriter(w)
	if err := p.WriteFileHeader(port.MaxSize, layers.LinkTypeEthernet); err != nil {
		return err
	}
	n := len(c.Order)
	if c.Order == nil {
		n = c.Frames.Len()
	}
	buf := make([]byte, port.MaxSize)
	for k := range min(n, pcapMost) {
		i := k
		if c.Order != nil {
			i = int(c.Order[k])
		}
		head, length := c.Frames.Frame(i)
		copy(buf, head[:min(len(head), length)])
		ci := gopacket.CaptureInfo{Timestamp: time.Unix(0, int64(k)*1000), CaptureLength: length, Length: length}
		if err := p.WritePacket(ci, buf[:length]); err != nil {
			return err
		}
	}
	return w.Flush()
}
