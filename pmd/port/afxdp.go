package port

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"

	"pollux/internal/packet"
	"pollux/pmd"
	"pollux/pmd/xsk"
)

// Ring sizes and budget of an AF_XDP port unless its configuration says others.
const (
	defaultRing     = 2048
	defaultTxBudget = 256
)

// AFXDPConfig says how a kernel network device becomes a port.
type AFXDPConfig struct {
	Device   string // name, in the calling thread's network namespace
	Queues   int    // queues to use, from 0 on; 0 is all the device has
	Mode     string // auto, zero-copy, copy or generic; "" is auto
	RxRing   int    // frames of a queue's rx ring, and of its fill ring; a power of two; 0 is 2048
	TxRing   int    // frames of a queue's tx ring; a power of two; 0 is 2048
	TxBudget int    // frames the kernel sends a system call; 0 is 256, or TxRing if that is less
	BusyPoll int    // µs that a receive call may poll the device; 0 is off
}

// AFXDP is a kernel network device as a port.
type AFXDP struct {
	info  pmd.PortInfo
	rx    []*afxdpRx
	tx    []*afxdpTx
	promi *promiscuity

	mu     sync.Mutex // guards what follows; loops never take it
	dev    *xsk.Device
	closed bool
	last   pmd.PortCounters // as of Close
}

// OpenAFXDP opens a device over mem: its own XDP program, a socket for each
// queue, the device promiscuous and in the best mode that works. Each receive
// queue holds up to 2×RxRing chunks and each send queue up to 2×TxRing; the homes
// of mem must have them. The calling thread must be in the device's network
// namespace while it opens; what is opened can be used and closed from any.
func OpenAFXDP(cfg AFXDPConfig, mem *packet.Memory) (*AFXDP, error) {
	cfg = cfg.withDefaults()
	nic, err := lookUp(cfg.Device)
	if err != nil {
		return nil, fmt.Errorf("port: %w", err)
	}
	switch {
	case cfg.Queues == 0:
		cfg.Queues = nic.queues
	case cfg.Queues < 0 || cfg.Queues > nic.queues:
		return nil, fmt.Errorf("port: device %s: %d queues asked for: want 1 to the %d it has, or 0 for all", cfg.Device, cfg.Queues, nic.queues)
	}
	if room := int(mem.ChunkSize - mem.Headroom); nic.mtu+frameExtra > room {
		return nil, fmt.Errorf("port: device %s: mtu %d makes frames of %d bytes, a chunk of %d with headroom %d holds %d: want mtu %d or less, or larger chunks",
			cfg.Device, nic.mtu, nic.mtu+frameExtra, mem.ChunkSize, mem.Headroom, room, room-frameExtra)
	}
	promi, err := makePromiscuous(nic.index)
	if err != nil {
		return nil, fmt.Errorf("port: device %s: %w", cfg.Device, err)
	}
	dev, err := xsk.Open(xsk.DeviceConfig{
		IfIndex:  nic.index,
		Queues:   cfg.Queues,
		Mode:     xsk.Mode(cfg.Mode),
		RxRing:   cfg.RxRing,
		TxRing:   cfg.TxRing,
		TxBudget: cfg.TxBudget,
		BusyPoll: cfg.BusyPoll,
	}, mem)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("port: device %s: %w", cfg.Device, err), promi.Close())
	}
	p := &AFXDP{dev: dev, promi: promi}
	for _, s := range dev.Sockets {
		p.rx = append(p.rx, newAFXDPRx(s.Rx(), mem, cfg.BusyPoll > 0))
		p.tx = append(p.tx, newAFXDPTx(s.Tx(), mem))
	}
	details := maps.Clone(dev.Report.State)
	details["driver"] = nic.driver
	details["promiscuous"] = "on"
	details["rx_ring"] = strconv.Itoa(cfg.RxRing)
	details["tx_ring"] = strconv.Itoa(cfg.TxRing)
	details["huge_pages"] = onOff(mem.HugePages)
	p.info = pmd.PortInfo{
		Type:    "afxdp",
		Device:  cfg.Device,
		IfIndex: nic.index,
		MAC:     nic.mac,
		MTU:     nic.mtu,
		Mode:    dev.Mode.String(),
		Queues:  cfg.Queues,
		Details: details,
	}
	return p, nil
}

// withDefaults fills in what was left 0.
func (c AFXDPConfig) withDefaults() AFXDPConfig {
	if c.RxRing == 0 {
		c.RxRing = defaultRing
	}
	if c.TxRing == 0 {
		c.TxRing = defaultRing
	}
	if c.TxBudget == 0 {
		c.TxBudget = min(defaultTxBudget, c.TxRing)
	}
	return c
}

// Queues implements pmd.Port.
func (p *AFXDP) Queues() (rx []pmd.RxQueue, tx []pmd.TxQueue) {
	for i := range p.rx {
		rx = append(rx, p.rx[i])
		tx = append(tx, p.tx[i])
	}
	return rx, tx
}

// Info implements pmd.Port.
func (p *AFXDP) Info() pmd.PortInfo {
	info := p.info
	info.Details = maps.Clone(info.Details)
	return info
}

// Counters implements pmd.Port. TxErrors are send calls that failed, plus frames
// that Close could not send. After Close the counters stay as they were.
func (p *AFXDP) Counters() pmd.PortCounters {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return p.last
	}
	return p.counters()
}

// counters sums up the sockets' and the queues' counts. A socket whose
// statistics cannot be read counts as 0.
func (p *AFXDP) counters() (c pmd.PortCounters) {
	for _, s := range p.dev.Sockets {
		k, err := s.Statistics()
		if err != nil {
			continue
		}
		c.RxDropped += k.RxDropped
		c.RxRingFull += k.RxRingFull
		c.RxFillEmpty += k.RxFillEmpty
		c.RxInvalid += k.RxInvalid
		c.TxInvalid += k.TxInvalid
	}
	for _, q := range p.tx {
		c.TxErrors += q.errors.Load()
		c.Kicks += q.kicks.Load()
		c.KicksAgain += q.again.Load()
		c.Completed += q.completed.Load()
	}
	for _, q := range p.rx {
		c.RxKicks += q.kicks.Load()
	}
	return c
}

// Close implements pmd.Port: it lets frames on the tx rings go out (10 ms at most;
// those that do not are counted as TxErrors), takes the program off the device,
// closes the sockets and returns every chunk that the port still held, exactly. The
// queues stay callable: they give and take nothing any more.
func (p *AFXDP) Close() (chunks []uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil
	}
	for _, q := range p.tx {
		q.drain()
	}
	p.last = p.counters()
	p.closed = true
	err = errors.Join(p.dev.Close(), p.promi.Close())
	for i := range p.rx {
		chunks = p.rx[i].ledger.take(chunks)
		chunks = p.tx[i].ledger.take(chunks)
		p.tx[i].inflight = 0
	}
	if err != nil {
		err = fmt.Errorf("port: close device %s: %w", p.info.Device, err)
	}
	return chunks, err
}

// onOff names a switch's position.
func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
