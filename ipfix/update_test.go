package ipfix

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pollux/ipfix/cache"
	"pollux/ipfix/collector"
)

func TestTargetSyntax(t *testing.T) {
	for in, want := range map[string]address{
		"127.0.0.1:4739":         {UDP, "127.0.0.1:4739"},
		"udp:collector:4739":     {UDP, "collector:4739"},
		"tcp:[2001:db8::1]:4739": {TCP, "[2001:db8::1]:4739"},
		"tls:collector:4740":     {TLS, "collector:4740"},
		"file:flows.ipfix":       {File, "flows.ipfix"},
		"file:/var/a:b/c":        {File, "/var/a:b/c"},
	} {
		got, err := parseTarget(in)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
		if again, err := parseTarget(got.String()); err != nil || again != got {
			t.Errorf("%s: %s is read as %+v, %v", in, got, again, err)
		}
	}
	for in, want := range map[string]string{
		"": "want host:port", "host": "want host:port", ":4739": "want host:port", "host:": "want host:port",
		"tcp:4739": "want host:port", "tcp:host": "want host:port", "sctp:host:4739": "want host:port", "2001:db8::1:4739": "want host:port",
		"host:ipfix": "want 1 to 65535", "host:0": "want 1 to 65535", "tls:host:65536": "want 1 to 65535",
		"file:": "want file:PATH", "file:dir/": "want file:PATH",
	} {
		if _, err := parseTarget(in); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\""+in+"\"") {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
	if _, err := parseTargets([]string{"tcp:a:1", "a:1", "udp:a:1"}); err == nil || !strings.Contains(err.Error(), "the same as") {
		t.Errorf("twice the same: %v", err)
	}
}

func FuzzTarget(f *testing.F) {
	for _, s := range []string{"127.0.0.1:4739", "tcp:[::1]:4739", "tls:collector:4740", "file:/tmp/x.ipfix", "tcp:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseTarget(s)
		if err != nil {
			return
		}
		if again, err := parseTarget(a.String()); err != nil || again != a {
			t.Errorf("%q is %+v, whose text is read as %+v, %v", s, a, again, err)
		}
	})
}

// TestUpdateKeepsSessions: one target stays, one goes, one comes. Whoever stays has one
// session without a gap; each has what was exported while it was a target.
func TestUpdateKeepsSessions(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	stays, goes, comes := listenTCP(t, "127.0.0.1:0"), listenTCP(t, "127.0.0.1:0"), listen(t)
	cfg := ExporterConfig{Targets: []string{"tcp:" + stays.Addr(), "tcp:" + goes.Addr()}, Epoch: epoch, FlushInterval: time.Millisecond, DrainTimeout: patience}
	x, stop := runExporter(t, cfg, l.caches)
	l.send(0, cache.Point{}, specs(100, 100))
	l.flush(t)
	waitSent(t, x, 0, l.packets)
	waitSent(t, x, 1, l.packets)
	before := l.packets

	cfg.Targets = []string{"127.0.0.1"}
	if err := x.Update(cfg); err == nil {
		t.Error("a target without a port is taken")
	}
	cfg.Targets = []string{comes.Addr(), "tcp:" + stays.Addr()}
	cfg.Biflow = BiflowLowerPort
	cfg.BiflowWindow = time.Millisecond
	if err := x.Update(cfg); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no update", x, func(s Stats) bool { return len(s.Collectors) == 2 && s.Collectors[1].Address == cfg.Targets[1] })
	second := newLab(cache.Config{}, 1)
	second.caches, second.batches = l.caches, l.batches
	again := specs(100, 101)
	second.send(0, cache.Point{}, again)
	l.packets += second.packets
	second.flush(t)
	waitSent(t, x, 0, second.packets)
	waitSent(t, x, 1, l.packets)
	s := stop()
	for i, c := range s.Collectors {
		want := []uint64{second.packets, l.packets}[i]
		if c.Sums.Seen != plus(c.Sums.Exported, plus(c.Sums.Held, c.Sums.NotSent)) || c.Sums.Seen.Packets != want || c.Reconnects != 0 {
			t.Errorf("%s: want %d packets: %+v", c.Address, want, c)
		}
	}
	for i, c := range []*collector.Collector{stays, goes, comes} {
		want := []uint64{l.packets, before, second.packets}[i]
		c.Wait(want, patience)
		if got := c.Totals(); got.Packets != want || got.Errors+got.Missing != 0 || got.Sessions != 1 {
			t.Errorf("collector %d, want %d packets: %+v", i, want, got)
		}
	}
}

// TestUpdateOverUDP: other elements have templates of other numbers, which come before
// the records; nothing is withdrawn, as RFC 7011 section 8.4 has it, and the sequence goes on.
func TestUpdateOverUDP(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	c := listen(t)
	cfg := ExporterConfig{Targets: []string{c.Addr()}, Epoch: epoch, FlushInterval: time.Millisecond, DrainTimeout: patience}
	x, stop := runExporter(t, cfg, l.caches)
	last := uint64(0)
	for i, elements := range []string{"standard", "full", "standard"} {
		cfg.Elements = []string{elements}
		if err := x.Update(cfg); err != nil {
			t.Fatal(err)
		}
		l.send(0, cache.Point{}, specs(100, uint64(140+i)))
		l.flush(t)
		s := eventually(t, "not sent", x, func(s Stats) bool { return s.Collectors[0].Sent.Packets == l.packets })
		if n := s.Collectors[0].Templates; n <= last {
			t.Errorf("%s: %d templates sent, before it %d", elements, n, last)
		}
		last = s.Collectors[0].Templates
	}
	s := stop()
	checkSum(t, s)
	c.Wait(l.packets, patience)
	compare(t, l, c)
	if s.Collectors[0].Withdrawn != 0 || c.Totals().Withdrawn != 0 {
		t.Errorf("withdrawn over UDP: %+v", s.Collectors[0])
	}
}

// TestOtherRecordsRotateTheFile: other elements begin another file, and one alone. Each has
// one set of templates.
func TestOtherRecordsRotateTheFile(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	path := t.TempDir() + "/flows.ipfix"
	cfg := ExporterConfig{Targets: []string{"file:" + path}, Epoch: epoch, FlushInterval: time.Millisecond, DrainTimeout: patience, Domains: []uint32{0, 1}}
	x, stop := runExporter(t, cfg, l.caches)
	for i, elements := range []string{"standard", "full"} {
		cfg.Elements = []string{elements}
		if err := x.Update(cfg); err != nil {
			t.Fatal(err)
		}
		for d := range uint32(2) {
			l.send(0, cache.Point{Domain: d}, specs(50, uint64(150+i)))
			l.flush(t)
		}
		waitSent(t, x, 0, l.packets)
	}
	s := stop()
	files, err := rotatedFiles(path)
	if err != nil || len(files) != 1 || s.Collectors[0].Withdrawn != 0 {
		t.Fatalf("%v, %v: %+v", files, err, s.Collectors[0])
	}
	all := collector.New()
	for _, name := range append(files, path) {
		if err := all.ReadFile(name); err != nil {
			t.Error(err)
		}
	}
	compare(t, l, all)
}

// TestUpdateOfFiles: new settings of files make a new session of the file, and of
// nothing else; one writer follows the other.
func TestUpdateOfFiles(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	c, path := listenTCP(t, "127.0.0.1:0"), t.TempDir()+"/not/flows.ipfix"
	cfg := ExporterConfig{Targets: []string{"tcp:" + c.Addr(), "file:" + path}, Epoch: epoch, FlushInterval: time.Millisecond, DrainTimeout: patience}
	x, stop := runExporter(t, cfg, l.caches)
	l.send(0, cache.Point{}, specs(50, 120))
	l.flush(t)
	s := eventually(t, "a file in no directory", x, func(s Stats) bool {
		return strings.Contains(s.Collectors[1].LastError, "no such file") && s.Collectors[1].State == stateWaiting && s.Collectors[1].Queued.Packets == l.packets
	})
	checkSums(t, s)
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	waitSent(t, x, 1, l.packets)
	cfg.File.Keep = 5
	if err := x.Update(cfg); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no update", x, func(s Stats) bool { return s.Collectors[1].Sums.Seen.Packets == 0 })
	first := l.packets
	l.send(0, cache.Point{}, specs(50, 121))
	l.flush(t)
	waitSent(t, x, 1, l.packets-first)
	s = stop()
	checkSums(t, s)
	files, err := rotatedFiles(path)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	for name, want := range map[string]uint64{files[0]: first, path: l.packets - first} {
		if got, err := collector.ReadFile(name); err != nil || got.Totals().Packets != want || got.Totals().Missing != 0 {
			t.Errorf("%s: want %d packets: %+v, %v", name, want, got.Totals(), err)
		}
	}
	if s.Collectors[0].Reconnects != 0 || s.Collectors[0].Sent.Packets != l.packets {
		t.Errorf("%+v", s.Collectors[0])
	}
}

// TestSetCaches: caches are exchanged while the exporter runs. What the old ones hold comes
// as they are flushed, their numbers stay in the sums when they are let go.
func TestSetCaches(t *testing.T) {
	old, new := newLab(cache.Config{}, 1), newLab(cache.Config{}, 2)
	c := listenTCP(t, "127.0.0.1:0")
	x, stop := runExporter(t, ExporterConfig{Targets: []string{"tcp:" + c.Addr()}, Epoch: epoch, FlushInterval: time.Millisecond, DrainTimeout: patience}, old.caches)
	old.send(0, cache.Point{}, specs(100, 110))
	x.SetCaches(new.caches)
	new.send(0, cache.Point{}, specs(100, 111))
	new.send(1, cache.Point{}, specs(100, 112))
	old.flush(t)
	new.flush(t)
	all := old.packets + new.packets
	eventually(t, "the old cache is kept", x, func(s Stats) bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return len(x.shown.feeds) == 2
	})
	x.SetCaches(nil)
	eventually(t, "caches are kept", x, func(s Stats) bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return len(x.shown.feeds) == 0
	})
	s := stop()
	checkSum(t, s)
	if got := s.Collectors[0].Sums; got.Seen.Packets != all || got.Exported != got.Seen || got.Held.Packets != 0 {
		t.Errorf("want %d packets: %+v", all, got)
	}
	if c.Wait(all, patience); c.Totals().Packets != all {
		t.Errorf("want %d packets: %+v", all, c.Totals())
	}
}

// checkSums fails if the equation does not hold for a collector, or if what is held or
// not sent is less than nothing.
func checkSums(t testing.TB, s Stats) {
	t.Helper()
	list := []Sums{s.Sums}
	for _, c := range s.Collectors {
		list = append(list, c.Sums)
	}
	for i, n := range list {
		if n.Seen != plus(n.Exported, plus(n.Held, n.NotSent)) {
			t.Fatalf("sums %d: %+v of %+v", i, n, s)
		}
		for _, c := range []cache.Count{n.Exported, n.Held, n.NotSent} {
			if c.Packets > n.Seen.Packets || c.Octets > n.Seen.Octets || c.L2Octets > n.Seen.L2Octets {
				t.Fatalf("sums %d: more than was seen: %+v of %+v", i, n, s)
			}
		}
	}
	stages := plus(plus(s.Stages.Caches, s.Stages.Rings), s.Pending.count())
	if s.Sums.Held != stages {
		t.Fatalf("held %+v, stages %+v", s.Sums.Held, stages)
	}
}

// TestEquationWhateverHappens: random traffic from two loops in caches and rings that
// are too small, while collectors are killed, block and come back, targets, biflow,
// elements and caches change. The equation holds at every look. In the end what was seen
// is what was generated, nothing is held, and a collector that was there from the start
// and took everything has what its sums say was exported.
func TestEquationWhateverHappens(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { whatever(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

func whatever(t *testing.T, r *rand.Rand) {
	cc := cache.Config{MaxFlows: 4 + r.IntN(197), RecordRing: 4 + r.IntN(61),
		IdleTimeout: 5e6, ActiveTimeout: 20e6}
	l := newLab(cc, 2)
	steady, err := collector.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer steady.Close()
	blocked, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer blocked.Close()
	flaky, err := collector.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := flaky.Addr()
	defer func() { flaky.Close() }()
	others := []string{"tcp:" + addr, "tcp:" + blocked.Addr().String(), addr, "file:" + t.TempDir() + "/x.ipfix"}
	cfg := ExporterConfig{
		Targets: append([]string{"tcp:" + steady.Addr()}, others...), Epoch: epoch, FlushInterval: time.Millisecond, Buffer: minBuffer,
		MaxPending: 1 + r.IntN(50), DrainTimeout: 100 * time.Millisecond,
	}
	x, stop := runExporter(t, cfg, l.caches)
	all := specs(20+r.IntN(181), r.Uint64())
	var seen cache.Count
	labs := []*lab{l}
	for len(all) > 0 {
		switch r.IntN(13) {
		case 0:
			flaky.Close()
		case 1:
			if again, err := collector.ListenTCP(addr); err == nil {
				flaky.Close()
				flaky = again
			}
		case 2:
			cfg.Targets = append([]string{"tcp:" + steady.Addr()}, some(r, others)...)
		case 3:
			cfg.Biflow = BiflowRule(r.IntN(4))
			cfg.BiflowWindow = time.Millisecond
		case 4:
			cfg.Elements = []string{[]string{"standard", "full"}[r.IntN(2)]}
		case 5:
			cfg.MTU = []int{1500, 9000}[r.IntN(2)]
		case 6:
			next := newLab(cc, 2)
			next.now = l.now
			for _, c := range l.caches {
				c.FlushAll(10)
			}
			x.SetCaches(next.caches)
			l = next
			labs = append(labs, l)
		case 7:
			time.Sleep(time.Duration(r.IntN(4)) * time.Millisecond)
		}
		if err := x.Update(cfg); err != nil {
			t.Fatal(err)
		}
		n := min(len(all), 1+r.IntN(100))
		i := r.IntN(2)
		for _, s := range all[:n] {
			one := s.Counters(0)
			seen = plus(seen, cache.Count{Packets: 1, Octets: one.Octets, L2Octets: one.L2Octets})
		}
		l.send(i, cache.Point{Domain: uint32(r.IntN(3))}, all[:n])
		all = all[n:]
		for i, c := range l.caches {
			c.Sweep(l.now, 16)
			if i == 0 {
				c.Publish()
			}
		}
		checkSums(t, x.Stats())
	}
	for _, l := range labs {
		l.flush(t)
	}
	eventually(t, "records are held", x, func(s Stats) bool {
		checkSums(t, s)
		return s.Stages.Caches.Packets+s.Stages.Rings.Packets+s.Pending.Packets == 0
	})
	eventually(t, "the steady collector is behind", x, func(s Stats) bool { return s.Collectors[0].Queued.Packets == 0 })
	s := stop()
	checkSums(t, s)
	first := s.Collectors[0]
	if s.Sums.Seen != seen || first.Sums.Seen != seen || first.NotSent.Packets > 0 && first.Reconnects > 0 {
		t.Fatalf("generated %+v, seen %+v: %+v", seen, s.Sums.Seen, first)
	}
	for _, c := range s.Collectors {
		if c.Sums.Held != (cache.Count{}) {
			t.Fatalf("held after the end: %+v", c)
		}
	}
	steady.Wait(first.Sent.Packets, patience)
	if got := steady.Totals(); got.Packets != first.Sent.Packets || got.Octets != first.Sent.Octets || got.L2Octets != first.Sent.L2Octets || got.Errors+got.Missing != 0 {
		t.Fatalf("sent %+v, the collector has %+v", first.Sent, got)
	}
}

// some returns a few of a list, in any order.
func some(r *rand.Rand, list []string) (few []string) {
	for _, i := range r.Perm(len(list))[:r.IntN(len(list)+1)] {
		few = append(few, list[i])
	}
	return few
}
