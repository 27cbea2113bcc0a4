package port

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"pollux/internal/lab"
	"pollux/internal/packet"
	"pollux/pmd"
	"pollux/pmd/xsk"
)

// patience is how long tests wait for what is to come. It costs nothing when it comes, so
// it is much longer than that takes on the slowest machine.
const patience = 30 * time.Second

// needRoot skips where namespaces cannot be made.
func needRoot(t testing.TB) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// must stops the test at an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newLab returns a lab that closes with the test.
func newLab(t testing.TB) *lab.Lab {
	t.Helper()
	needRoot(t)
	l, err := lab.New("porttest")
	must(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// namespace returns a new namespace of l.
func namespace(t testing.TB, l *lab.Lab, name string) *lab.Namespace {
	t.Helper()
	ns, err := l.Namespace(name)
	must(t, err)
	return ns
}

// newMemory returns memory of one home with n chunks, freed with the test.
func newMemory(t testing.TB, n int) (*packet.Memory, *packet.FreeList) {
	t.Helper()
	mem, err := xsk.NewMemory(xsk.MemoryConfig{Homes: 1, PerHome: n})
	must(t, err)
	t.Cleanup(func() {
		if err := xsk.FreeMemory(mem); err != nil {
			t.Error(err)
		}
	})
	return mem, packet.NewFreeList(mem, 0)
}

// openAFXDP opens a device of ns.
func openAFXDP(t testing.TB, ns *lab.Namespace, mem *packet.Memory, cfg AFXDPConfig) *AFXDP {
	t.Helper()
	var p *AFXDP
	must(t, ns.Do(func() (err error) {
		p, err = OpenAFXDP(cfg, mem)
		return err
	}))
	t.Cleanup(func() {
		if _, err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// closePort closes p and puts its chunks back.
func closePort(t testing.TB, p pmd.Port, free *packet.FreeList) {
	t.Helper()
	chunks, err := p.Close()
	if err != nil {
		t.Error(err)
	}
	for _, c := range chunks {
		free.Put(c)
	}
}

// checkAllFree fails unless every chunk of mem is in free, once.
func checkAllFree(t testing.TB, mem *packet.Memory, free *packet.FreeList) {
	t.Helper()
	seen := map[uint64]bool{}
	for {
		c, ok := free.Get()
		if !ok {
			break
		}
		if c != mem.Chunk(c) {
			t.Fatalf("address %#x is no chunk", c)
		}
		if seen[c] {
			t.Fatalf("chunk %#x came back twice", c)
		}
		seen[c] = true
	}
	if len(seen) != int(mem.PerHome) {
		t.Fatalf("%d of %d chunks came back", len(seen), mem.PerHome)
	}
	for c := range seen {
		free.Put(c)
	}
}

// pump moves frames from rx to tx, as a poll loop does; one goroutine owns it and
// all that it names.
type pump struct {
	rx   pmd.RxQueue
	tx   pmd.TxQueue
	free *packet.FreeList
	b    packet.Batch
	back [packet.MaxBatch]uint64
	max  int // frames a step; 0 is packet.MaxBatch
	lost int // frames that tx did not take
}

// step is one iteration; it returns how many frames came.
func (p *pump) step() int {
	limit := p.max
	if limit == 0 {
		limit = packet.MaxBatch
	}
	n := p.rx.Rx(&p.b, limit, p.free)
	if n > 0 {
		k := p.tx.Tx(p.b.Desc[:n])
		for _, d := range p.b.Desc[k:n] {
			p.free.Put(d.Addr &^ 2047)
			p.lost++
		}
	}
	for p.tx.Inflight() > 0 {
		k := p.tx.Reclaim(p.back[:])
		for _, c := range p.back[:k] {
			p.free.Put(c)
		}
		if k < len(p.back) {
			break
		}
	}
	return n
}

// run steps every pump until stop closes.
func run(stop <-chan struct{}, pumps ...*pump) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		idle := true
		for _, p := range pumps {
			idle = p.step() == 0 && idle
		}
		if idle {
			time.Sleep(50 * time.Microsecond)
		}
	}
}

// background runs pumps in a goroutine; the returned function ends it.
func background(pumps ...*pump) (end func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		run(stop, pumps...)
	}()
	return func() {
		if stop == nil {
			return
		}
		close(stop)
		<-done
		stop = nil
	}
}

// raw is a packet socket on a host's device: what a machine on the wire sees.
type raw struct {
	fd    int
	index int
}

const testType = 0x88b5 // IEEE 802: local experimental

// openRaw opens a packet socket on a device of ns.
func openRaw(t testing.TB, ns *lab.Namespace, device string) *raw {
	t.Helper()
	r := &raw{fd: -1}
	must(t, ns.Do(func() error {
		link, err := netlink.LinkByName(device)
		if err != nil {
			return err
		}
		r.index = link.Attrs().Index
		proto := int(binary.NativeEndian.Uint16([]byte{testType >> 8, testType & 0xff}))
		if r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, proto); err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptTimeval(r.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 20000}),
			unix.SetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20),
			unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: uint16(proto), Ifindex: r.index}))
	}))
	t.Cleanup(func() { unix.Close(r.fd) })
	return r
}

// send puts a frame on the wire.
func (r *raw) send(frame []byte) error {
	return unix.Sendto(r.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: r.index})
}

// receive returns the next frame from the wire, or nil if none comes in time.
func (r *raw) receive(within time.Duration) []byte {
	buf := make([]byte, 4096)
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		n, from, err := unix.Recvfrom(r.fd, buf, 0)
		if err != nil {
			continue
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		return buf[:n]
	}
	return nil
}

// makeFrame returns a frame of size bytes whose content follows from seed.
func makeFrame(size int, seed uint64) []byte {
	f := make([]byte, size)
	rng := rand.New(rand.NewPCG(seed, uint64(size)))
	for i := range f {
		f[i] = byte(rng.Uint32())
	}
	copy(f, []byte{2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa, testType >> 8, testType & 0xff})
	binary.BigEndian.PutUint64(f[14:], seed)
	return f
}

// pour sends frames that a port is to receive later. It waits for each few of them to come
// to the port's device: the queue of a veth has room for 256, until a core has time for it.
func (r *twoHosts) pour(t testing.TB, frames ...[]byte) {
	t.Helper()
	came := func() uint64 {
		link, err := r.dut.Netlink().LinkByName("p0")
		must(t, err)
		return link.Attrs().Statistics.RxPackets
	}
	from := came()
	for i, f := range frames {
		must(t, r.host1.send(f))
		if n := uint64(i + 1); n%64 == 0 || i == len(frames)-1 {
			until(t, "frames to come to the device", func() bool { return came() >= from+n })
		}
	}
}

// crosses sends frames at one end and expects exactly them, in order, at the other.
func crosses(t testing.TB, from, to *raw, frames ...[]byte) {
	t.Helper()
	for i, f := range frames {
		must(t, from.send(f))
		got := to.receive(patience)
		if got == nil {
			t.Fatalf("frame %d of %d bytes is lost", i, len(f))
		}
		if !bytes.Equal(got, f) {
			t.Fatalf("frame %d of %d bytes is changed:\nsent %x\ngot  %x", i, len(f), f, got)
		}
	}
}

// sizes are frames of every length class, the edges included.
func sizes() (frames [][]byte) {
	for i, n := range []int{60, 61, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 1023, 1024, 1025, 1400, 1513, 1514} {
		frames = append(frames, makeFrame(n, uint64(i)))
	}
	return frames
}

// twoHosts is hosts h1 and h2, each on a veth to the switch's namespace, where
// the devices are p0 and p1.
type twoHosts struct {
	lab        *lab.Lab
	dut        *lab.Namespace
	ns1, ns2   *lab.Namespace
	v1, v2     *lab.Veth
	host1      *raw
	host2      *raw
	mem        *packet.Memory
	free       *packet.FreeList
	port0      *AFXDP
	port1      *AFXDP
	there, rev *pump
}

// newTwoHosts builds the lab and opens both ports in mode.
func newTwoHosts(t testing.TB, mode string) *twoHosts {
	t.Helper()
	l := newLab(t)
	r := &twoHosts{lab: l, dut: namespace(t, l, "dut"), ns1: namespace(t, l, "h1"), ns2: namespace(t, l, "h2")}
	var err error
	r.v1, err = l.Veth(lab.End{NS: r.dut, Device: "p0"}, lab.End{NS: r.ns1, Device: "eth0", MAC: "02:00:00:00:00:0a"})
	must(t, err)
	r.v2, err = l.Veth(lab.End{NS: r.dut, Device: "p1"}, lab.End{NS: r.ns2, Device: "eth0", MAC: "02:00:00:00:00:0b"})
	must(t, err)
	r.mem, r.free = newMemory(t, 4096)
	r.port0 = openAFXDP(t, r.dut, r.mem, AFXDPConfig{Device: "p0", Mode: mode, RxRing: 512, TxRing: 512})
	r.port1 = openAFXDP(t, r.dut, r.mem, AFXDPConfig{Device: "p1", Mode: mode, RxRing: 512, TxRing: 512})
	r.host1, r.host2 = openRaw(t, r.ns1, "eth0"), openRaw(t, r.ns2, "eth0")
	r.wire()
	return r
}

// wire joins the ports' queues crosswise.
func (r *twoHosts) wire() {
	rx0, tx0 := r.port0.Queues()
	rx1, tx1 := r.port1.Queues()
	r.there = &pump{rx: rx0[0], tx: tx1[0], free: r.free}
	r.rev = &pump{rx: rx1[0], tx: tx0[0], free: r.free}
	// Stock the fill rings before the first frame comes.
	r.there.step()
	r.rev.step()
}

// closeAll closes both ports and checks that every chunk came back.
func (r *twoHosts) closeAll(t testing.TB) {
	t.Helper()
	closePort(t, r.port0, r.free)
	closePort(t, r.port1, r.free)
	checkAllFree(t, r.mem, r.free)
}

// xdpOn returns the number of the XDP program on a device, 0 for none.
func xdpOn(t testing.TB, ns *lab.Namespace, device string) uint32 {
	t.Helper()
	link, err := ns.Netlink().LinkByName(device)
	must(t, err)
	if x := link.Attrs().Xdp; x != nil && x.Attached {
		return x.ProgId
	}
	return 0
}

// promiscuous reports whether a device is.
func promiscuous(t testing.TB, ns *lab.Namespace, device string) bool {
	t.Helper()
	link, err := ns.Netlink().LinkByName(device)
	must(t, err)
	return link.Attrs().RawFlags&unix.IFF_PROMISC != 0 || link.Attrs().Promisc > 0
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// withOwnNamespace runs f with w watching the thread's namespace.
func withOwnNamespace(w *linkWatch, f func() error) error {
	ns, err := netns.Get()
	if err != nil {
		return err
	}
	defer ns.Close()
	w.ns = ns
	return f()
}
