package ipfix

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listenTCP listens on an address, 127.0.0.1:0 for any port.
func listenTCP(t testing.TB, addr string) *collector.Collector {
	t.Helper()
	var c *collector.Collector
	var err error
	until(t, "a listener at "+addr, func() bool { c, err = collector.ListenTCP(addr); return err == nil })
	t.Cleanup(func() { c.Close() })
	return c
}

// until waits for ok.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// eventually fails unless ok says true soon.
func eventually(t testing.TB, what string, x *Exporter, ok func(s Stats) bool) Stats {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		s := x.Stats()
		if ok(s) {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %+v", what, s)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestTransportsTogether: UDP, TCP and a file get the same records, to the packet and
// the byte.
func TestTransportsTogether(t *testing.T) {
	l := newLab(cache.Config{MaxFlows: 8192}, 2)
	u, c := listen(t), listenTCP(t, "127.0.0.1:0")
	path := t.TempDir() + "/flows.ipfix"
	_, stop := runExporter(t, ExporterConfig{
		Targets: []string{"udp:" + u.Addr(), "tcp:" + c.Addr(), "file:" + path}, Epoch: epoch, DrainTimeout: patience,
	}, l.caches)
	all := specs(3000, 31)
	l.send(0, cache.Point{Domain: 3, ID: 4}, all[:len(all)/2])
	l.send(1, cache.Point{Domain: 4, ID: 4}, all[len(all)/2:])
	l.flush(t)
	s := stop()
	checkSum(t, s)
	f, err := collector.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range []*collector.Collector{u, c, f} {
		got.Wait(l.packets, patience)
		compare(t, l, got)
		if n := s.Collectors[i]; n.Transport != []string{"udp", "tcp", "file"}[i] || n.Sums.Seen != n.Sums.Exported || n.Sums.Seen.Packets != l.packets {
			t.Errorf("sums of %s: %+v", n.Address, n)
		}
	}
}

// TestTCPCollectorComesBack: what is exported while a TCP collector is away waits, and
// reaches it in a session of its own: sequence from 0, templates first.
func TestTCPCollectorComesBack(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	first := listenTCP(t, "127.0.0.1:0")
	addr := first.Addr()
	x, stop := runExporter(t, ExporterConfig{Targets: []string{"tcp:" + addr}, Epoch: epoch, FlushInterval: time.Millisecond}, l.caches)
	l.send(0, cache.Point{}, specs(50, 4))
	l.flush(t)
	early := l.packets
	waitSent(t, x, 0, early)
	first.Wait(early, patience)
	compare(t, l, first)
	first.Close()
	eventually(t, "the end of the session is not seen", x, func(s Stats) bool { return s.Collectors[0].State != stateConnected })

	again := newLab(cache.Config{}, 1)
	again.caches, again.batches = l.caches, l.batches
	again.send(0, cache.Point{}, specs(200, 5))
	again.flush(t)
	s := eventually(t, "records do not wait", x, func(s Stats) bool { return s.Collectors[0].Queued.Packets == again.packets })
	if got := s.Collectors[0]; got.Sums.Held.Packets != again.packets || got.NotSent != (Totals{}) || got.LastError == "" || got.QueuedSize == 0 {
		t.Errorf("while the collector is away: %+v", got)
	}
	second := listenTCP(t, addr)
	waitSent(t, x, 0, early+again.packets)
	s = stop()
	checkSum(t, s)
	second.Wait(again.packets, patience)
	compare(t, again, second)
	if got := s.Collectors[0]; got.Reconnects != 1 || got.NotSent != (Totals{}) {
		t.Errorf("%+v", got)
	}
}

// TestCollectorThatReadsNothing: one TCP collector takes connections and never reads. Its
// buffer fills and then it costs counts; another gets everything, and a stop is bounded.
func TestCollectorThatReadsNothing(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var held sync.WaitGroup
	hold := make(chan struct{})
	held.Go(func() {
		for {
			conn, err := dead.Accept()
			if err != nil {
				return
			}
			conn.(*net.TCPConn).SetReadBuffer(4096)
			held.Go(func() { <-hold; conn.Close() })
		}
	})
	defer held.Wait()
	defer close(hold)
	defer dead.Close()

	l := newLab(cache.Config{MaxFlows: 1 << 15, RecordRing: 1 << 15}, 1)
	c := listenTCP(t, "127.0.0.1:0")
	x, stop := runExporter(t, ExporterConfig{
		Targets: []string{"tcp:" + dead.Addr().String(), "tcp:" + c.Addr()}, Epoch: epoch, Elements: []string{"full"},
		Buffer: 1 << 20, FlushInterval: time.Millisecond, DrainTimeout: 300 * time.Millisecond,
	}, l.caches)
	all := specs(1000, 40)
	for i := range uint32(200) {
		l.send(0, cache.Point{Domain: i % 8, ID: i}, all[:1000])
		l.flush(t)
		waitSent(t, x, 1, l.packets)
		if x.Stats().Collectors[0].NotSent.Packets > 0 {
			break
		}
	}
	c.Wait(l.packets, patience)
	s := stop() // comes back
	checkSum(t, s)
	compare(t, l, c)
	bad, good := s.Collectors[0], s.Collectors[1]
	if bad.NotSent.Packets == 0 || bad.Queued != (Totals{}) || bad.Sums.Held.Packets != 0 {
		t.Errorf("the one that reads nothing: %+v", bad)
	}
	if good.NotSent != (Totals{}) || good.Sums.Exported.Packets != l.packets {
		t.Errorf("the other: %+v", good)
	}
}

// wire records what a TCP exporter sends, message by message.
type wire struct {
	l    net.Listener
	mu   sync.Mutex
	msgs [][]byte
	done chan struct{}
}

func newWire(t *testing.T) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{l: l, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			b := make([]byte, headerLen)
			if _, err := io.ReadFull(conn, b); err != nil {
				return
			}
			b = append(b, make([]byte, int(b[2])<<8+int(b[3])-headerLen)...)
			if _, err := io.ReadFull(conn, b[headerLen:]); err != nil {
				return
			}
			w.mu.Lock()
			w.msgs = append(w.msgs, b)
			w.mu.Unlock()
		}
	}()
	t.Cleanup(func() { l.Close(); <-w.done })
	return w
}

func word(b []byte) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }

// TestWithdrawalOnTCP: Update changes what records hold. In the same session the old
// templates are withdrawn before the new ones come, data sets use what was announced
// last, and sequence numbers go on.
func TestWithdrawalOnTCP(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	w, c := newWire(t), listenTCP(t, "127.0.0.1:0")
	cfg := ExporterConfig{
		Targets: []string{"tcp:" + w.l.Addr().String(), "tcp:" + c.Addr()}, Epoch: epoch,
		FlushInterval: time.Millisecond, Domains: []uint32{0}, Elements: []string{"standard"},
	}
	x, stop := runExporter(t, cfg, l.caches)
	l.send(0, cache.Point{}, specs(100, 50))
	l.flush(t)
	waitSent(t, x, 0, l.packets)
	bad := cfg
	bad.Elements = []string{"noSuchElement"}
	if err := x.Update(bad); err == nil || !strings.Contains(err.Error(), "noSuchElement") {
		t.Errorf("an unknown element: %v", err)
	}
	cfg.Elements = []string{"full"}
	if err := x.Update(cfg); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is withdrawn", x, func(s Stats) bool { return s.Collectors[0].Withdrawn > 0 && s.Collectors[1].Withdrawn > 0 })
	l.send(0, cache.Point{}, specs(100, 51))
	l.flush(t)
	waitSent(t, x, 0, l.packets)
	s := stop()
	checkSum(t, s)
	c.Wait(l.packets, patience)
	compare(t, l, c)
	if got := s.Collectors[1]; got.Reconnects != 0 || got.Withdrawn == 0 {
		t.Errorf("%+v", got)
	}

	<-w.done
	known, withdrawn := map[uint16]bool{}, 0
	w.mu.Lock()
	msgs := w.msgs
	w.mu.Unlock()
	for _, m := range msgs {
		for b := m[headerLen:]; len(b) > 0; b = b[word(b[2:]):] {
			id, set := word(b), b[4:word(b[2:])]
			if id > optionsTemplateSet {
				if !known[id] {
					t.Fatalf("data set %d has no template", id)
				}
				continue
			}
			for len(set) >= 4 {
				tpl, fields := word(set), int(word(set[2:]))
				if fields == 0 {
					if !known[tpl] {
						t.Errorf("template %d is withdrawn and was not there", tpl)
					}
					delete(known, tpl)
					withdrawn++
					set = set[4:]
					continue
				}
				if known[tpl] {
					t.Errorf("template %d is announced twice in a session", tpl)
				}
				known[tpl] = true
				n := 4
				if id == optionsTemplateSet {
					n = 6
				}
				for range fields {
					if set[n]&0x80 != 0 {
						n += 4
					}
					n += 4
				}
				set = set[n:]
			}
		}
	}
	if withdrawn == 0 || uint64(withdrawn) != s.Collectors[0].Withdrawn {
		t.Errorf("%d withdrawals on the wire, counted %d", withdrawn, s.Collectors[0].Withdrawn)
	}
}
