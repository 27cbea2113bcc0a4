package port

import (
	"fmt"
	"strconv"
	"sync"

	"pollux/internal/packet"
	"pollux/pmd"
)

// MemoryConfig says what the source of a memory port makes and what its sink keeps.
type MemoryConfig struct {
	Queues int     // each way; 0 is 1
	Flows  int     // distinct flows, up to 2^32; 0 makes a port without a source
	Masks  int     // groups, 1 to MaxMasks; 0 is 1: flow i is of group i % Masks
	Mix    Mix     // lengths of frames; nil is 60 bytes
	Random bool    // flows in random order; else in turn
	Count  uint64  // packets each queue makes; 0 never stops
	Rate   float64 // packets a second of each queue; 0 is as fast as it is asked
	Burst  int     // with a Rate: packets that come at once, with a pause after them; 0 is evenly
	New    float64 // packets a second of each queue that begin a flow beyond Flows, a packet each

	// Order is the order of flows, by number, gone through again and again; nil is that
	// of Random.
	Order []uint32
	// Frames are the flows' packets; nil makes those below. Flows, Masks and Mix are not
	// read then.
	Frames *FrameTable

	MTU     int  // as other ports have one; 0 is none
	PerFlow bool // the sink counts each flow's packets
	Capture int  // frames per queue that the sink keeps for Captured; 0 is none
}

// Memory is a port whose wire is this process: a source that makes the packets of a
// set of flows, a sink that takes what is sent. Frames may also be given to it by
// Inject.
//
// Flow i is UDP from 10.0.0.0 + i>>12, port 1024 + i&4095, to 10.200.0.1, port
// 2000 + i%16, in Ethernet from 02:00:00:00:00:00 to 02:00:00:00:02:02, where bit g
// of the source address is flipped, and from g = 40 on bit g-40 of the destination
// address: a table with a rule for each such bit needs a mask for each group. The
// UDP checksum is 0, the IP checksum right; the first 64 bytes of every frame are
// written, and what a longer one holds behind them is left as it was. As with receive-side scaling a flow
// stays in its queue: flow i comes in by queue i % Queues.
//
// The queues belong to their loops' threads; every other method may be called from
// any thread.
type Memory struct {
	cfg  MemoryConfig
	rx   []*memoryRx
	tx   []*memoryTx
	seen *flowCounts // nil unless PerFlow

	mu sync.Mutex // guards the ends of the rings that tests hold: Inject, Captured
}

// OpenMemory returns a memory port whose frames lie in mem.
func OpenMemory(cfg MemoryConfig, mem *packet.Memory) (*Memory, error) {
	if cfg.Queues == 0 {
		cfg.Queues = 1
	}
	if cfg.Masks == 0 {
		cfg.Masks = 1
	}
	if cfg.Mix == nil {
		cfg.Mix = Mix{{MinSize, 1}}
	}
	if cfg.Frames != nil {
		cfg.Flows, cfg.Masks = cfg.Frames.Len(), 1
	}
	switch {
	case cfg.Queues < 0:
		return nil, fmt.Errorf("port: memory: %d queues: want 1 or more", cfg.Queues)
	case cfg.Flows < 0 || cfg.Flows > 1<<32:
		return nil, fmt.Errorf("port: memory: %d flows: want 0 to %d", cfg.Flows, 1<<32)
	case cfg.Masks < 1 || cfg.Masks > MaxMasks:
		return nil, fmt.Errorf("port: memory: %d masks: want 1 to %d", cfg.Masks, MaxMasks)
	case cfg.Rate < 0:
		return nil, fmt.Errorf("port: memory: rate of %v packets a second: want 0 or more", cfg.Rate)
	case cfg.New < 0:
		return nil, fmt.Errorf("port: memory: %v new flows a second: want 0 or more", cfg.New)
	case cfg.Burst < 0 || cfg.Burst > 0 && cfg.Rate == 0:
		return nil, fmt.Errorf("port: memory: bursts of %d: want 0 or more, and a rate with them", cfg.Burst)
	case cfg.Capture < 0:
		return nil, fmt.Errorf("port: memory: %d frames to capture: want 0 or more", cfg.Capture)
	}
	if err := cfg.Mix.check(); err != nil {
		return nil, fmt.Errorf("port: memory: %w", err)
	}
	for _, i := range cfg.Order {
		if int(i) >= cfg.Flows {
			return nil, fmt.Errorf("port: memory: flow %d in the order of %d flows: want less", i, cfg.Flows)
		}
	}
	longest := cfg.Mix
	if cfg.Frames != nil {
		longest = append(longest, Share{Size: cfg.Frames.longest + cfg.Frames.stride})
	}
	for _, s := range longest {
		if room := int(mem.ChunkSize) - int(mem.Headroom); s.Size+headerRoom > room {
			return nil, fmt.Errorf("port: memory: frames of %d bytes: a chunk of %d with headroom %d holds %d: want shorter frames or larger chunks",
				s.Size, mem.ChunkSize, mem.Headroom, room-headerRoom)
		}
	}
	p := &Memory{cfg: cfg}
	if cfg.PerFlow {
		p.seen = newFlowCounts(cfg.Flows)
	}
	for q := range cfg.Queues {
		p.rx = append(p.rx, newMemoryRx(cfg, q, mem))
		p.tx = append(p.tx, newMemoryTx(cfg, mem, p.seen))
	}
	return p, nil
}

// Queues implements pmd.Port.
func (p *Memory) Queues() (rx []pmd.RxQueue, tx []pmd.TxQueue) {
	for q := range p.rx {
		rx = append(rx, p.rx[q])
		tx = append(tx, p.tx[q])
	}
	return rx, tx
}

// Info implements pmd.Port.
func (p *Memory) Info() pmd.PortInfo {
	i := pmd.PortInfo{Type: "memory", MTU: p.cfg.MTU, Queues: p.cfg.Queues, Details: map[string]string{"source": "off"}}
	if p.cfg.Flows > 0 {
		order := "seq"
		switch {
		case p.cfg.Order != nil:
			order = "given"
		case p.cfg.Random:
			order = "random"
		}
		i.Details = map[string]string{
			"source": "on",
			"flows":  strconv.Itoa(p.cfg.Flows),
			"masks":  strconv.Itoa(p.cfg.Masks),
			"size":   p.cfg.Mix.String(),
			"order":  order,
		}
	}
	return i
}

// Counters implements pmd.Port. RxFillEmpty counts the times that the source had
// fewer free frames than it was asked for.
func (p *Memory) Counters() (c pmd.PortCounters) {
	for _, q := range p.rx {
		c.RxFillEmpty += q.starved.Load()
	}
	return c
}

// Close implements pmd.Port.
func (p *Memory) Close() (chunks []uint64, err error) {
	for _, q := range p.tx {
		chunks = append(chunks, q.sent[:q.n]...)
		q.n = 0
	}
	return chunks, nil
}

// Made returns how many packets and bytes the port has given to the loops.
func (p *Memory) Made() (packets, bytes uint64) {
	for _, q := range p.rx {
		packets += q.packets.Load()
		bytes += q.bytes.Load()
	}
	return packets, bytes
}

// Taken returns how many packets and bytes the sink took.
func (p *Memory) Taken() (packets, bytes uint64) {
	for _, q := range p.tx {
		packets += q.packets.Load()
		bytes += q.octets.Load()
	}
	return packets, bytes
}

// Done says whether every queue has made its Count and no injected frame waits.
func (p *Memory) Done() bool {
	for _, q := range p.rx {
		if !q.done.Load() || q.given.Len() > 0 {
			return false
		}
	}
	return true
}

// PerFlow returns how many packets of each flow of the source's kind the sink took,
// and how many that were of none; nil and 0 unless so configured.
func (p *Memory) PerFlow() (packets []uint64, other uint64) {
	if p.seen == nil {
		return nil, 0
	}
	return p.seen.load()
}

// Inject has queue 0 receive frames, in order, before any more of the source. It
// copies them and returns how many there was room for.
func (p *Memory) Inject(frames ...[]byte) int { return p.InjectQueue(0, frames...) }

// InjectQueue is Inject for any queue.
func (p *Memory) InjectQueue(queue int, frames ...[]byte) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, f := range frames {
		if !p.rx[queue].given.Push(append([]byte(nil), f...)) {
			return i
		}
	}
	return len(frames)
}

// Captured returns copies of the frames that the sink took since the last call, in
// order for each queue. Of those that came when Capture were waiting, nothing is
// kept; lost is how many they were since the start.
func (p *Memory) Captured() (frames [][]byte, lost uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.tx {
		if q.kept == nil {
			continue
		}
		for f, ok := q.kept.Pop(); ok; f, ok = q.kept.Pop() {
			frames = append(frames, f)
		}
		lost += q.lost.Load()
	}
	return frames, lost
}
