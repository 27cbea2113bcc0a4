package vswitch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"pollux/configs"
	"pollux/internal/cpu"
	"pollux/internal/ctl"
	"pollux/internal/garbage"
	"pollux/internal/packet"
	"pollux/ipfix"
	"pollux/ofp/pipeline"
	"pollux/ofp/session"
	"pollux/pmd/datapath"
	"pollux/pmd/port"
	"pollux/pmd/xsk"
)

// Switch is one running switch.
type Switch struct {
	path  string // of the configuration
	cpu   cpu.Info
	procs int
	began time.Time
	log   *slog.Logger

	mem   *packet.Memory
	dp    *datapath.Datapath
	state *pipeline.State
	ctl   *ctl.Server

	openflow *session.Server // nil: not yet, or by design of a test
	alone    standalone

	mu        sync.Mutex // guards what follows, and changes of the switch as a whole
	cfg       *configs.Config
	ports     []*vport
	exporters []*exporter
	leaving   []*leaving
	closed    bool
	balanced  balanced // what was last found when loads were looked at

	keyPatience time.Duration                     // see its constant
	ifaces      atomic.Pointer[[]ipfix.Interface] // the ports as exporters tell of them
}

// New makes a switch from a configuration that Load found right. It opens nothing.
func New(cfg *configs.Config, path string, info cpu.Info, log *slog.Logger) (*Switch, error) {
	s := &Switch{path: path, cfg: cfg, log: log, cpu: info, began: time.Now(), keyPatience: keyPatience}
	s.alone.s = s
	d := &cfg.Datapath
	var err error
	s.mem, err = xsk.NewMemory(xsk.MemoryConfig{
		Homes: len(d.Loops), PerHome: d.Memory.FramesPerLoop, ChunkSize: d.Memory.FrameSize,
		NoHuge: d.Memory.HugePages == "never",
	})
	if err != nil {
		return nil, err
	}
	if d.Memory.HugePages == "always" && !s.mem.HugePages {
		return nil, errors.Join(fmt.Errorf("datapath.memory.huge_pages: always, but the system has too few free (%d bytes are needed; see vm.nr_hugepages)",
			len(s.mem.Buf)), xsk.FreeMemory(s.mem))
	}
	if err := s.assemble(); err != nil {
		return nil, errors.Join(err, xsk.FreeMemory(s.mem))
	}
	return s, nil
}

// assemble makes loops, ports and tables.
func (s *Switch) assemble() error {
	d := &s.cfg.Datapath
	exact := d.ExactCache
	if exact == 0 {
		exact = s.cpu.ExactEntries
	}
	dc := datapath.Config{
		Burst: d.Burst, SleepMax: d.SleepMax.Std(), ExactEntries: exact,
		Megaflows: d.Megaflows, MegaflowMasks: d.MegaflowMasks, MegaflowIdle: d.MegaflowIdle.Std(), Verify: uint32(d.Verify), Isolate: d.RxqIsolate,
	}
	for _, l := range d.Loops {
		dc.Cores = append(dc.Cores, l.Core)
	}
	s.exporters = wantedExporters(&s.cfg.IPFIX)
	for _, e := range s.exporters {
		dc.Exporters = append(dc.Exporters, cacheConfig(&e.cfg))
	}
	var err error
	if s.dp, err = datapath.New(dc, s.mem); err != nil {
		return err
	}
	var ports []pipeline.Port
	for i := range s.cfg.Ports {
		v := &vport{cfg: s.cfg.Ports[i], slot: i}
		s.ports = append(s.ports, v)
		if err := s.dp.Add(v.datapathPort()); err != nil {
			return err
		}
		ports = append(ports, s.pipelinePort(v))
	}
	flows, errs := parseFlows(s.cfg, s.cfg.Flows)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	s.state, err = pipeline.New(pipeline.Config{
		Name: s.cfg.Bridge.Name, Ports: ports, Flows: flows, Threads: len(dc.Cores),
		MACAgeing: s.cfg.Bridge.MACAgeing.Std(), MACTableSize: s.cfg.Bridge.MACTableSize,
		Sampling: sampling(s.exporters),
	})
	if err != nil {
		return err
	}
	s.state.OnPublish(func(snap *pipeline.Snapshot) { s.dp.Publish(snap) })
	s.state.OnIdle(s.dp.PushCounts)
	return nil
}

// publishPorts tells the tables how the ports are now.
func (s *Switch) publishPorts() {
	ports := make([]pipeline.Port, len(s.ports))
	for i, v := range s.ports {
		ports[i] = s.pipelinePort(v)
	}
	s.noteInterfaces(s.ports)
	if err := s.state.Apply(pipeline.Change{Ports: ports}); err != nil {
		s.log.Error("ports", "error", err)
	}
}

// start opens the devices and runs the loops.
func (s *Switch) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.ports {
		if err := s.plug(v); isAway(err) {
			s.log.Warn("device is not there; waiting for it", "port", v.cfg.Name, "device", v.cfg.Device)
		} else if err != nil {
			return err
		}
	}
	s.publishPorts()
	if err := s.startExporters(); err != nil {
		return err
	}
	return s.dp.Start()
}

// Run makes a switch from cfg and runs it until ctx is done. It prints what it found
// on out, then one line "ready" when packets flow, with the number of ports where not all
// are open. SIGHUP is a reload.
func Run(ctx context.Context, cfg *configs.Config, path string, out io.Writer) (err error) {
	cores := make([]int, len(cfg.Datapath.Loops))
	for i, l := range cfg.Datapath.Loops {
		cores[i] = l.Core
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	info := cpu.Detect() // before the cores of loops are taken from the other threads
	procs, base, err := cpu.SetProcs(len(cores))
	if err != nil {
		return err
	}
	if err := errors.Join(cpu.Reserve(cores), cpu.ShortSlices()); err != nil {
		return err
	}
	garbageSaid, asBefore := garbage.Seldom()
	defer asBefore()
	s, err := New(cfg, path, info, newLogger(&cfg.Log))
	if err != nil {
		return err
	}
	s.procs = procs
	defer func() { err = errors.Join(err, s.close()) }()

	fmt.Fprintf(out, "cpu: %s, cores %v, %s; loops on cores %v\n", s.cpu.Name, s.cpu.Cores, strings.Join(s.cpu.Features, " "), cores)
	fmt.Fprintf(out, "caches: L1d %s, L2 %s, L3 %s; exact-match cache of %d entries a loop\n",
		cacheSize(s.cpu.L1D), cacheSize(s.cpu.L2), cacheSize(s.cpu.L3), s.exactEntries())
	fmt.Fprintf(out, "procs: GOMAXPROCS=%d for %d loop(s) and all else, on %d processors; %s\n", procs, len(cores), runtime.NumCPU(), base)
	fmt.Fprintf(out, "memory: %d frames of %d bytes, huge pages %v; garbage is %s\n", len(s.mem.Buf)/int(s.mem.ChunkSize), s.mem.ChunkSize, s.mem.HugePages, garbageSaid)

	if s.ctl, err = s.serve(); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	if err := s.startOpenFlow(); err != nil {
		return err
	}
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := port.WatchLinks(watch, s.link); err != nil {
		return err
	}
	go s.retry(watch)
	go s.balance(watch)
	go s.dp.DeliverPunts(watch, puntsEvery, s.punted)
	go s.watchCollectors(watch)
	go s.reloadOn(watch, hup)
	s.sayPorts(out)
	s.state.Run(ctx, learnEvery)
	s.log.Info("stopping")
	return nil
}

// cacheSize writes the size of a processor's cache, -1 for one that it keeps to itself.
func cacheSize(bytes int) string {
	if bytes < 0 {
		return "unknown"
	}
	return size(bytes)
}

// sayPorts prints a line for each port, and one that begins with ready: nothing follows where
// all are open.
func (s *Switch) sayPorts(out io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := 0
	for _, v := range s.ports {
		p := s.dp.Info(v.slot)
		if p == nil {
			fmt.Fprintf(out, "port %v %s: %s %s: not there yet\n", v.cfg.OFPort, v.cfg.Name, v.cfg.Type, v.cfg.Device)
			continue
		}
		open++
		words := []string{p.Type, p.Device, p.Mode}
		words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
		fmt.Fprintf(out, "port %v %s: %s, queues %d, mtu %d\n", v.cfg.OFPort, v.cfg.Name, strings.Join(words, " "), p.Queues, p.MTU)
	}
	if all := len(s.ports); open == all {
		fmt.Fprintln(out, "ready")
	} else {
		fmt.Fprintf(out, "ready, %d of %d ports open\n", open, all)
	}
	s.log.Info("ready", "ports", len(s.ports), "open", open, "pid", os.Getpid())
}

func (s *Switch) exactEntries() int {
	if n := s.cfg.Datapath.ExactCache; n != 0 {
		return n
	}
	return s.cpu.ExactEntries
}

// close stops the switch: loops, caches, exporters, devices, memory, in this order.
func (s *Switch) close() error {
	var errs []error
	if s.ctl != nil {
		errs = append(errs, s.ctl.Close())
	}
	errs = append(errs, s.stopOpenFlow())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.dp.StopLoops()
	s.dp.FlushFlows(flushPatience)
	errs = append(errs, s.stopExporters()...)
	errs = append(errs, s.dp.Close(), xsk.FreeMemory(s.mem))
	return errors.Join(errs...)
}

// learnEvery is how long a learned address may wait for its snapshot. Each snapshot has
// every decision of NORMAL checked again at its next packet, so under steady news this
// also bounds what that costs: a thousand active flows are translated 100,000 times a
// second at most, a twentieth of a loop.
const learnEvery = 10 * time.Millisecond

// newLogger writes to standard error as the configuration says.
func newLogger(c *configs.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
