package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// XDP verdicts, as the kernel numbers them.
const (
	xdpAborted = 0
	xdpDrop    = 1
)

// counterMap is one number a processor, which a program adds to.
func counterMap(name string) (*ebpf.Map, error) {
	return ebpf.NewMap(&ebpf.MapSpec{Name: name, Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: 1})
}

func readCounter(m *ebpf.Map) (total uint64, err error) {
	var perCPU []uint64
	if err := m.Lookup(uint32(0), &perCPU); err != nil {
		return 0, fmt.Errorf("read counter: %w", err)
	}
	for _, n := range perCPU {
		total += n
	}
	return total, nil
}

// countPacket adds one to m's number and leaves its former value in R8. It needs
// the context in R6.
func countPacket(m *ebpf.Map) asm.Instructions {
	return asm.Instructions{
		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "aborted"),
		asm.LoadMem(asm.R8, asm.R0, 0, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R8),
		asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord),
	}
}

func aborted() asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, xdpAborted).WithSymbol("aborted"), asm.Return()}
}

// Sink drops and counts everything that arrives at a device, in its driver: the
// cheapest receiver there is.
type Sink struct {
	count *ebpf.Map
	prog  *ebpf.Program
	link  link.Link
}

// NewSink attaches a sink to a device of the named namespace.
func NewSink(ns, device string) (s *Sink, err error) {
	s = &Sink{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("sink %s: %w", device, err), s.Close())
			s = nil
		}
	}()
	if s.count, err = counterMap("sink_count"); err != nil {
		return s, err
	}
	insns := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
	insns = append(insns, countPacket(s.count)...)
	insns = append(insns, asm.Mov.Imm(asm.R0, xdpDrop), asm.Return())
	insns = append(insns, aborted()...)
	if s.prog, err = ebpf.NewProgram(&ebpf.ProgramSpec{Name: "bench_sink", Type: ebpf.XDP, Instructions: insns}); err != nil {
		return s, err
	}
	return s, InNetNS(ns, func() error {
		ifi, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		s.link, err = link.AttachXDP(link.XDPOptions{Program: s.prog, Interface: ifi.Index})
		return err
	})
}

// Count returns how many packets have arrived.
func (s *Sink) Count() (uint64, error) { return readCounter(s.count) }

// Close detaches the program.
func (s *Sink) Close() error {
	var errs []error
	if s.link != nil {
		errs = append(errs, s.link.Close())
	}
	if s.prog != nil {
		errs = append(errs, s.prog.Close())
	}
	if s.count != nil {
		errs = append(errs, s.count.Close())
	}
	return errors.Join(errs...)
}

// KernelGen sends UDP frames out of a device from within the kernel: a program
// that redirects is run again and again on live frames (BPF_PROG_RUN with
// BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18), which costs no system call, socket or
// buffer a packet. The device's other end must have an XDP program.
type KernelGen struct {
	ns    string
	count *ebpf.Map
	prog  *ebpf.Program
	frame []byte
	core  int
	nice  int
}

// KernelGenSpec says what a KernelGen sends and from where.
type KernelGenSpec struct {
	NetNS  string
	Device string
	Size   int // bytes without FCS, 60 to 1514
	Flows  int // distinct UDP flows, sent in turn; 1 to 1<<24
	Core   int // core to run on, or -1
	Nice   int // nice value of the thread
}

// forever is longer than any run.
const forever = 1 << 62

const kernelGenPorts = 4096 // flows that differ in the source port alone

// NewKernelGen loads the program. Whether the kernel can run it shows in Run.
func NewKernelGen(s KernelGenSpec) (g *KernelGen, err error) {
	if s.Size < 60 || s.Size > 1514 {
		return nil, fmt.Errorf("kernel generator: frame size %d: must be 60 to 1514 bytes", s.Size)
	}
	if s.Flows < 1 || s.Flows > 1<<24 {
		return nil, fmt.Errorf("kernel generator: %d flows: must be 1 to %d", s.Flows, 1<<24)
	}
	g = &KernelGen{ns: s.NetNS, core: s.Core, nice: s.Nice, frame: make([]byte, s.Size)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("kernel generator %s: %w", s.Device, err), g.Close())
			g = nil
		}
	}()
	fs, err := NewFlowSet(FlowSpec{Flows: 1, Shapes: []Shape{{Proto: UDP, Sizes: []int{s.Size}}}})
	if err != nil {
		return g, err
	}
	buf := make([]byte, MaxFrame)
	fs.Build(buf, 0, 0)
	copy(g.frame, buf)
	be.PutUint16(g.frame[40:], 0) // the ports change: send without a UDP checksum
	if g.count, err = counterMap("gen_count"); err != nil {
		return g, err
	}
	var index int
	err = InNetNS(s.NetNS, func() error {
		ifi, err := net.InterfaceByName(s.Device)
		if err == nil {
			index = ifi.Index
		}
		return err
	})
	if err != nil {
		return g, err
	}
	g.prog, err = ebpf.NewProgram(&ebpf.ProgramSpec{Name: "bench_gen", Type: ebpf.XDP, Instructions: genProgram(g.count, index, s.Flows)})
	return g, err
}

// genProgram counts, writes the ports of the packet's flow and redirects.
func genProgram(count *ebpf.Map, ifindex, flows int) asm.Instructions {
	p := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1)}
	p = append(p, countPacket(count)...)
	if flows > 1 {
		// Frames are used again, so every field that differs is written every time.
		p = append(p,
			asm.LoadMem(asm.R1, asm.R6, 0, asm.Word), // data
			asm.LoadMem(asm.R2, asm.R6, 4, asm.Word), // data_end
			asm.Mov.Reg(asm.R3, asm.R1),
			asm.Add.Imm(asm.R3, 42),
			asm.JGT.Reg(asm.R3, asm.R2, "aborted"),
			asm.Mod.Imm(asm.R8, int32(flows)),
			asm.Mov.Reg(asm.R3, asm.R8),
			asm.And.Imm(asm.R3, kernelGenPorts-1),
			asm.Add.Imm(asm.R3, 1024),
			asm.HostTo(asm.BE, asm.R3, asm.Half),
			asm.StoreMem(asm.R1, 34, asm.R3, asm.Half),
			asm.RSh.Imm(asm.R8, 12), // kernelGenPorts is 1<<12
			asm.Add.Imm(asm.R8, 2000),
			asm.HostTo(asm.BE, asm.R8, asm.Half),
			asm.StoreMem(asm.R1, 36, asm.R8, asm.Half),
		)
	}
	p = append(p, asm.Mov.Imm(asm.R1, int32(ifindex)), asm.Mov.Imm(asm.R2, 0), asm.FnRedirect.Call(), asm.Return())
	return append(p, aborted()...)
}

// Run sends flat out until ctx ends.
func (g *KernelGen) Run(ctx context.Context) error {
	return InNetNS(g.ns, func() error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if g.core >= 0 {
			undo, err := Pin(g.core)
			if err != nil {
				return err
			}
			defer undo()
		}
		undo, err := favoured(g.nice)
		if err != nil {
			return err
		}
		defer undo()
		if err := liveRun(ctx, g.prog, g.frame, forever, func() bool { return false }); err != nil {
			return fmt.Errorf("kernel generator: %w", err)
		}
		return nil
	})
}

// Count returns how many packets the program has made. Some may not have fitted
// into the other end's ring.
func (g *KernelGen) Count() (uint64, error) { return readCounter(g.count) }

// Close unloads the program.
func (g *KernelGen) Close() error {
	var errs []error
	if g.prog != nil {
		errs = append(errs, g.prog.Close())
	}
	if g.count != nil {
		errs = append(errs, g.count.Close())
	}
	return errors.Join(errs...)
}
