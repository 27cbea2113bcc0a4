package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// Stopwatch counts the stamped frames that arrive at a device, takes their time on the
// way, and drops them, all in the device's driver.
//
// A time runs from the clock that the generator's program read to the clock that this
// program reads. In it: the rest of the generator's batch of 64 runs (a few
// microseconds), the first wire, the device under test, the second wire. Not in it: any
// socket, wake-up or copy of the measuring side.
type Stopwatch struct {
	cells *ebpf.Map
	mem   *ebpf.Memory
	prog  *ebpf.Program
	link  link.Link
}

// Elapsed is what a Stopwatch has counted of one run.
type Elapsed struct {
	Count     uint64
	Reordered uint64 // frames that came after one with a higher sequence number
	Foreign   uint64 // frames of other runs, or of somebody else
	Latency   *hdrhistogram.Histogram
}

// The cells of the program's memory: counts of 64 bits, then the histogram. Its steps
// of 128 ns reach to 16.8 ms; what takes longer is in the last one, and in max.
const (
	swRun     = 0
	swCount   = 8
	swReorder = 16
	swForeign = 24
	swMax     = 32
	swNext    = 40
	swHist    = 64

	swStep  = 7
	swSteps = 1 << 17
	swSize  = swHist + 8*swSteps
)

// longestLatency is what a stamp can tell, in ns.
const longestLatency = 1<<32 - 1

// NewLatencies returns a histogram of ns with three significant digits.
func NewLatencies() *hdrhistogram.Histogram { return hdrhistogram.New(1, longestLatency, 3) }

// NewStopwatch attaches a stopwatch to a device of the named namespace.
func NewStopwatch(ns, device string) (s *Stopwatch, err error) {
	s = &Stopwatch{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("stopwatch %s: %w", device, err), s.Close())
			s = nil
		}
	}()
	s.cells, err = ebpf.NewMap(&ebpf.MapSpec{Name: "stopwatch", Type: ebpf.Array, KeySize: 4, ValueSize: swSize, MaxEntries: 1, Flags: mmapable})
	if err != nil {
		return s, err
	}
	if s.mem, err = s.cells.Memory(); err != nil {
		return s, err
	}
	if s.prog, err = ebpf.NewProgram(&ebpf.ProgramSpec{Name: "bench_stopwatch", Type: ebpf.XDP, License: "Apache-2.0", Instructions: stopwatchProgram(s.cells)}); err != nil {
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

// mmapable is BPF_F_MMAPABLE.
const mmapable = 1 << 10

// stopwatchProgram counts and drops. R6 the frame, R7 cells, R8 sequence number, R9 time
// on the way.
func stopwatchProgram(cells *ebpf.Map) asm.Instructions {
	count := func(cell int16) asm.Instructions {
		return asm.Instructions{asm.Mov.Imm(asm.R1, 1), asm.AddAtomic.Mem(asm.R7, asm.R1, asm.DWord, cell)}
	}
	drop := asm.Instructions{asm.Mov.Imm(asm.R0, xdpDrop), asm.Return()}
	p := asm.Instructions{
		asm.LoadMapValue(asm.R7, cells.FD(), 0),
		asm.LoadMem(asm.R6, asm.R1, 0, asm.Word),
		asm.LoadMem(asm.R2, asm.R1, 4, asm.Word),
		asm.Mov.Reg(asm.R3, asm.R6),
		asm.Add.Imm(asm.R3, tagEnd),
		asm.JGT.Reg(asm.R3, asm.R2, "foreign"),
		asm.LoadMem(asm.R1, asm.R6, offTag, asm.Word),
		asm.HostTo(asm.BE, asm.R1, asm.Word),
		asm.JNE.Imm(asm.R1, tagMagic, "foreign"),
		asm.LoadMem(asm.R1, asm.R6, offRun, asm.Word),
		asm.LoadMem(asm.R2, asm.R7, swRun, asm.Word),
		asm.JNE.Reg(asm.R1, asm.R2, "foreign"),
		asm.LoadMem(asm.R8, asm.R6, offSeq, asm.Word),
		asm.HostTo(asm.BE, asm.R8, asm.Word),
		asm.FnKtimeGetNs.Call(),
		asm.LoadMem(asm.R1, asm.R6, offStamp, asm.Word),
		asm.HostTo(asm.BE, asm.R1, asm.Word),
		asm.Mov.Reg(asm.R9, asm.R0),
		asm.Sub.Reg(asm.R9, asm.R1),
		asm.LSh.Imm(asm.R9, 32),
		asm.RSh.Imm(asm.R9, 32), // the difference of what was cut to 32 bits
	}
	p = append(p, count(swCount)...)
	p = append(p,
		asm.LoadMem(asm.R1, asm.R7, swMax, asm.DWord),
		asm.JGE.Reg(asm.R1, asm.R9, "step"),
		asm.StoreMem(asm.R7, swMax, asm.R9, asm.DWord),
		asm.RSh.Imm(asm.R9, swStep).WithSymbol("step"),
		asm.JLT.Imm(asm.R9, swSteps, "hist"),
		asm.Mov.Imm(asm.R9, swSteps-1),
		asm.And.Imm(asm.R9, swSteps-1).WithSymbol("hist"),
		asm.LSh.Imm(asm.R9, 3),
		asm.LoadMapValue(asm.R2, cells.FD(), swHist),
		asm.Add.Reg(asm.R2, asm.R9),
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R2, asm.R1, asm.DWord, 0),
		asm.LoadMem(asm.R1, asm.R7, swNext, asm.DWord),
		asm.JLT.Reg(asm.R8, asm.R1, "late"),
		asm.Add.Imm(asm.R8, 1),
		asm.StoreMem(asm.R7, swNext, asm.R8, asm.DWord),
	)
	p = append(p, drop...)
	late := append(count(swReorder), drop...)
	late[0] = late[0].WithSymbol("late")
	foreign := append(count(swForeign), drop...)
	foreign[0] = foreign[0].WithSymbol("foreign")
	return append(append(p, late...), foreign...)
}

// Reset forgets everything and begins to count the frames of a run.
func (s *Stopwatch) Reset(run uint32) error {
	zero := make([]byte, swSize)
	be.PutUint32(zero[swRun:], run) // as it is on the wire
	if _, err := s.mem.WriteAt(zero, 0); err != nil {
		return fmt.Errorf("stopwatch: reset: %w", err)
	}
	return nil
}

// Count returns how many frames of the run have arrived.
func (s *Stopwatch) Count() (uint64, error) {
	var b [8]byte
	if _, err := s.mem.ReadAt(b[:], swCount); err != nil {
		return 0, fmt.Errorf("stopwatch: %w", err)
	}
	return binary.NativeEndian.Uint64(b[:]), nil
}

// Read returns all that was counted since Reset.
func (s *Stopwatch) Read() (e Elapsed, err error) {
	b := make([]byte, swSize)
	if _, err := s.mem.ReadAt(b, 0); err != nil {
		return e, fmt.Errorf("stopwatch: %w", err)
	}
	cell := func(off int) uint64 { return binary.NativeEndian.Uint64(b[off:]) }
	e = Elapsed{Count: cell(swCount), Reordered: cell(swReorder), Foreign: cell(swForeign), Latency: NewLatencies()}
	// The longest of all is known exactly; it is one of the last step that is not empty.
	longest, last := int64(cell(swMax)), swSteps-1
	for last > 0 && cell(swHist+8*last) == 0 {
		last--
	}
	for i := range last + 1 {
		n := int64(cell(swHist + 8*i))
		if i == last && n > 0 {
			n--
			err = e.Latency.RecordValue(longest)
		}
		middle := int64(i)<<swStep + 1<<(swStep-1)
		if err = errors.Join(err, e.Latency.RecordValues(min(middle, longest), n)); err != nil {
			return e, fmt.Errorf("stopwatch: %w", err)
		}
	}
	return e, nil
}

// Close detaches the program.
func (s *Stopwatch) Close() error {
	var errs []error
	if s.link != nil {
		errs = append(errs, s.link.Close())
	}
	if s.prog != nil {
		errs = append(errs, s.prog.Close())
	}
	if s.cells != nil {
		errs = append(errs, s.cells.Close())
	}
	return errors.Join(errs...)
}
