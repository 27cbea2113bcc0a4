package bench

import (
	"context"
	"errors"
	"net"
	"time"

	"pollux/internal/cpu"
	"pollux/internal/packet"
	"pollux/ipfix"
	"pollux/ipfix/cache"
	"pollux/ofp/pipeline"
	"pollux/pmd"
	"pollux/pmd/datapath"
	"pollux/pmd/port"
	"pollux/pmd/xsk"
)

// rigSpec is what a memoryRig is made of.
type rigSpec struct {
	in    func(*packet.Memory) (pmd.Port, error) // the port that packets come from
	out   func(*packet.Memory) (pmd.Port, error) // that they go to; nil is a memory port
	flows []pipeline.Flow
	cores []int // a loop each
	burst int
	exact int    // entries of the exact-match cache; 0 is as the processor has room
	mega  int    // limit of megaflows
	masks int    // and of their masks; 0 is none
	warm  uint64 // packets after which caches hold what they will hold
	drops bool   // are no error

	cache   *cache.Config        // nil: IPFIX is off
	export  ipfix.ExporterConfig // Targets is not read
	samples pipeline.BridgeSampling
}

// memoryRig is a switch between a source and a memory sink, with the exporter of its flow
// caches.
type memoryRig struct {
	spec      rigSpec
	mem       *packet.Memory
	dp        *datapath.Datapath
	state     *pipeline.State
	loaded    tableLoad
	collector net.PacketConn  // nobody reads it; what it does not hold the kernel drops
	x         *ipfix.Exporter // nil: IPFIX is off
	stop      context.CancelFunc
	done      chan error
}

// newMemoryRig makes the switch. On error nothing is left of it.
func newMemoryRig(spec rigSpec) (r *memoryRig, err error) {
	r = &memoryRig{spec: spec}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	loops := len(spec.cores)
	if r.mem, err = xsk.NewMemory(xsk.MemoryConfig{Homes: loops, PerHome: 4096}); err != nil {
		return nil, err
	}
	cfg := datapath.Config{
		Cores: spec.cores, Burst: spec.burst, ExactEntries: spec.exact,
		Megaflows: spec.mega, MegaflowMasks: spec.masks, MegaflowIdle: 10 * time.Second,
	}
	if spec.exact == 0 {
		cfg.ExactEntries = cpu.Detect().ExactEntries
	}
	state := pipeline.Config{
		Name: "bench", Threads: loops, Flows: spec.flows,
		Ports: []pipeline.Port{{OFPort: 1, Slot: 0, Name: "in", Up: true}, {OFPort: 2, Slot: 1, Name: "out", Up: true}},
	}
	if spec.cache != nil {
		cfg.Exporters = []cache.Config{*spec.cache}
		state.Sampling.Bridge = &spec.samples
	}
	if r.dp, err = datapath.New(cfg, r.mem); err != nil {
		return nil, err
	}
	if r.state, err = r.load(state); err != nil {
		return nil, err
	}
	r.state.OnPublish(func(s *pipeline.Snapshot) { r.dp.Publish(s) })
	sink := func(m *packet.Memory) (pmd.Port, error) { return port.OpenMemory(port.MemoryConfig{Queues: loops}, m) }
	if spec.out != nil {
		sink = spec.out
	}
	for slot, open := range []func(*packet.Memory) (pmd.Port, error){spec.in, sink} {
		dev, err := open(r.mem)
		if err != nil {
			return nil, err
		}
		if err := r.dp.Add(&datapath.Port{Slot: slot, OFPort: uint32(slot + 1), Name: state.Ports[slot].Name, Dev: dev}); err != nil {
			return nil, err
		}
	}
	if spec.cache != nil {
		return r, r.export()
	}
	return r, nil
}

// export starts the exporter.
func (r *memoryRig) export() (err error) {
	if r.collector, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		return err
	}
	cfg := r.spec.export
	cfg.Targets, cfg.DrainTimeout = []string{r.collector.LocalAddr().String()}, time.Millisecond
	r.x, err = ipfix.New(cfg, r.dp.Caches(0))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.done = stop, make(chan error, 1)
	go func() { r.done <- r.x.Run(ctx) }()
	return nil
}

// close ends what runs and gives the memory back.
func (r *memoryRig) close() (err error) {
	if r.stop != nil {
		r.stop()
		err = <-r.done
	}
	if r.dp != nil {
		err = errors.Join(err, r.dp.Close())
		for _, c := range r.dp.Caches(0) {
			c.Close()
		}
	}
	if r.collector != nil {
		err = errors.Join(err, r.collector.Close())
	}
	if r.mem != nil {
		err = errors.Join(err, xsk.FreeMemory(r.mem))
	}
	return err
}
