package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
)

// PacedGen sends stamped frames out of a device at a rate, from within the kernel: as
// KernelGen, but the program looks at the clock each time it is run, and redirects
// its frame only if one is due. That keeps the distance of frames to about a
// microsecond, and leaves no system call, socket or wake-up in the way.
type PacedGen struct {
	spec  PacedSpec
	state *ebpf.Map
	mem   *ebpf.Memory // state's
	prog  *ebpf.Program
	frame []byte
}

// PacedSpec says what a PacedGen sends and from where.
type PacedSpec struct {
	NetNS  string
	Device string
	Sizes  []int // frame lengths without FCS, in turn; each 60 to 1514
	Flows  int   // distinct UDP flows by source port, in turn; 1 to 60000
	Core   int   // core to run on, or -1
	Nice   int   // nice value of the thread
}

// Pace is one run of a PacedGen.
type Pace struct {
	Run   uint32        // number of the run, in every tag; a Stopwatch counts one run's frames
	Rate  float64       // frames a second; 0 is as fast as it goes
	Count uint64        // frames; 0 is until Time is over
	Time  time.Duration // bounds the run
}

// Paced is what a run came to.
type Paced struct {
	Sent uint64
	Took time.Duration // from the first frame to the last
	Late time.Duration // by which the generator fell behind beyond what it may catch up with
}

// catchUp is how far behind its time the generator may be and still send all that
// is due: the frames of that time come at once, and must not overrun a ring.
const catchUp = 500 * time.Microsecond

// pacedState is the program's memory; the offsets are known to pacedProgram. Times are
// in 1/256 ns, so that the distance of frames is exact to 0.01 % at 40 million a second.
type pacedState struct {
	Seq, Limit, Next, Gap, Late, Slack uint64
	Run                                uint32 // as it is on the wire
	_                                  uint32
	First, Last                        uint64 // ns
}

const timeShift = 8

func (s *pacedState) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s))
}

// NewPacedGen loads the program. Whether the kernel can run it shows in Run.
func NewPacedGen(s PacedSpec) (g *PacedGen, err error) {
	if len(s.Sizes) == 0 || slices.Min(s.Sizes) < 60 || slices.Max(s.Sizes) > 1514 {
		return nil, fmt.Errorf("paced generator: frame sizes %v: must be 60 to 1514 bytes", s.Sizes)
	}
	if s.Flows < 1 || s.Flows > 60000 {
		return nil, fmt.Errorf("paced generator: %d flows: must be 1 to 60000", s.Flows)
	}
	g = &PacedGen{spec: s}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("paced generator %s: %w", s.Device, err), g.Close())
			g = nil
		}
	}()
	fs, err := NewFlowSet(FlowSpec{Flows: 1, Shapes: []Shape{{Proto: UDP, Sizes: s.Sizes}}})
	if err != nil {
		return g, err
	}
	heads := make([][]byte, len(s.Sizes))
	for i := range heads {
		heads[i] = make([]byte, MaxFrame)
		n := fs.Build(heads[i], 0, uint64(i))
		be.PutUint16(heads[i][40:], 0) // stamps change: send without a UDP checksum
		heads[i] = heads[i][:n]
	}
	g.frame = slices.Clone(slices.MaxFunc(heads, func(a, b []byte) int { return len(a) - len(b) }))
	g.state, err = ebpf.NewMap(&ebpf.MapSpec{Name: "gen_state", Type: ebpf.Array, KeySize: 4, ValueSize: uint32(unsafe.Sizeof(pacedState{})), MaxEntries: 1, Flags: mmapable})
	if err != nil {
		return g, err
	}
	if g.mem, err = g.state.Memory(); err != nil {
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
	g.prog, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "bench_paced", Type: ebpf.XDP, License: "Apache-2.0",
		Instructions: pacedProgram(g.state, index, heads, len(g.frame), s.Flows),
	})
	return g, err
}

// Run sends until the count is reached, the time is over or ctx ends.
func (g *PacedGen) Run(ctx context.Context, p Pace) (res Paced, err error) {
	st := pacedState{Limit: p.Count, Slack: uint64(catchUp) << timeShift}
	if st.Limit == 0 {
		st.Limit = 1 << 62
	}
	if p.Rate > 0 {
		st.Gap = uint64(1e9 * (1 << timeShift) / p.Rate)
	} else {
		st.Slack = 1 << 62 // whoever sends as fast as he can is never late
	}
	var run [4]byte
	be.PutUint32(run[:], p.Run)
	st.Run = binary.NativeEndian.Uint32(run[:])
	ctx, cancel := context.WithTimeout(ctx, p.Time)
	defer cancel()
	err = InNetNS(g.spec.NetNS, func() error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if g.spec.Core >= 0 {
			undo, err := Pin(g.spec.Core)
			if err != nil {
				return err
			}
			defer undo()
		}
		undo, err := favoured(g.spec.Nice)
		if err != nil {
			return err
		}
		defer undo()
		if _, err := g.mem.WriteAt(st.bytes(), 0); err != nil {
			return err
		}
		return liveRun(ctx, g.prog, g.frame, p.expect(), g.sentAll)
	})
	if err == nil {
		_, err = g.mem.ReadAt(st.bytes(), 0)
	}
	if err != nil {
		return res, fmt.Errorf("paced generator: %w", err)
	}
	res = Paced{Sent: st.Seq, Late: time.Duration(st.Late >> timeShift), Took: time.Duration(st.Last - st.First)}
	return res, nil
}

// expect is how long the run takes if all is well.
func (p Pace) expect() time.Duration {
	switch {
	case p.Count == 0:
		return p.Time
	case p.Rate == 0:
		return 0
	}
	return time.Duration(float64(p.Count) / p.Rate * 1e9)
}

// sentAll says whether the program has nothing more to send.
func (g *PacedGen) sentAll() bool {
	var st pacedState
	_, err := g.mem.ReadAt(st.bytes(), 0)
	return err != nil || st.Seq >= st.Limit
}

// Close unloads the program.
func (g *PacedGen) Close() error {
	var errs []error
	if g.prog != nil {
		errs = append(errs, g.prog.Close())
	}
	if g.state != nil {
		errs = append(errs, g.state.Close())
	}
	return errors.Join(errs...)
}
