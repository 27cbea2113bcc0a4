package ipfix

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pollux/internal/clock"
	"pollux/ipfix/cache"
)

// name is one that only the tests' resolvers know (RFC 6761 section 6.4).
const name = "collector.invalid."

// silence is a resolver whose server never answers; it reports why
// each question was given up.
func silence() (r *net.Resolver, asked *atomic.Int64, ended chan error) {
	asked, ended = new(atomic.Int64), make(chan error, 1000)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		asked.Add(1)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}}, asked, ended
}

// nameServer answers questions for IPv4 addresses with 127.0.0.1, once open is
// closed (RFC 1035 section 4.1).
func nameServer(t *testing.T, open <-chan struct{}) *net.Resolver {
	t.Helper()
	s, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := s.ReadFrom(b)
			if err != nil {
				return
			}
			<-open
			end := 12
			for end < n && b[end] != 0 {
				end += 1 + int(b[end])
			}
			end += 5
			if n < end {
				continue
			}
			a := append([]byte(nil), b[:end]...)
			copy(a[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
			if binary.BigEndian.Uint16(a[end-4:]) == 1 {
				a[7] = 1
				a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
			}
			s.WriteTo(a, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp4", s.LocalAddr().String())
	}}
}

// named returns a collector's address with the name in place of the host.
func named(addr string) string { return name + addr[strings.LastIndex(addr, ":"):] }

// TestNameWithoutAnswer: the resolver of one target is silent for longer than the
// test lasts. The other target gets every record of 60 domains meanwhile, also
// those sent at stop; the first costs counts, and its one look-up ends.
func TestNameWithoutAnswer(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	c := listen(t)
	x, err := New(ExporterConfig{
		Targets: []string{named(c.Addr()), c.Addr()}, Epoch: epoch, FlushInterval: time.Millisecond, DrainTimeout: patience,
	}, l.caches)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	hold := make(chan struct{})
	defer close(hold)
	d := &x.targets[0].udp.dialer
	d.limit = time.Hour
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		asked.Add(1)
		<-hold
		return nil, errors.New("no name server")
	}}
	stop := runStarted(t, x)
	all := specs(600, 8)
	for i := range 60 {
		n := len(all) / 60
		l.send(0, cache.Point{Domain: uint32(i)}, all[i*n:][:n])
		if i == 40 {
			l.flush(t)
			waitSent(t, x, 1, l.packets)
		}
	}
	l.flush(t)
	s := stop()
	checkSum(t, s)
	c.Wait(l.packets, patience)
	compare(t, l, c)
	bad, good := s.Collectors[0], s.Collectors[1]
	if good.Errors != 0 || good.NotSent != (Totals{}) || good.Sent.Packets != l.packets {
		t.Errorf("of %d packets, the good collector: %+v", l.packets, good)
	}
	if bad.NotSent.Packets != l.packets || bad.Messages != 0 {
		t.Errorf("of %d packets, the one without an address: %+v", l.packets, bad)
	}
	// One look-up asks for IPv4 and IPv6 at most.
	until(t, "a question", func() bool { return asked.Load() > 0 })
	if n := asked.Load(); n > 2 {
		t.Errorf("%d questions, want those of one look-up", n)
	}
}

// waitSent returns when so many packets were sent to a target.
func waitSent(t *testing.T, x *Exporter, target int, packets uint64) {
	t.Helper()
	eventually(t, fmt.Sprintf("want %d packets sent", packets), x, func(s Stats) bool { return s.Collectors[target].Sent.Packets >= packets })
}

// TestNameIsWaitedForAtStart: a name that resolves costs no record.
func TestNameIsWaitedForAtStart(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	c := listen(t)
	x, err := New(ExporterConfig{Targets: []string{named(c.Addr())}, Epoch: epoch, DrainTimeout: patience}, l.caches)
	if err != nil {
		t.Fatal(err)
	}
	open := make(chan struct{})
	close(open)
	x.targets[0].udp.dialer.Resolver = nameServer(t, open)
	l.send(0, cache.Point{}, specs(300, 9))
	l.flush(t)
	stop := runStarted(t, x)
	eventually(t, "records are not taken", x, func(s Stats) bool { return s.Popped.Packets >= l.packets })
	s := stop()
	checkSum(t, s)
	c.Wait(l.packets, patience)
	compare(t, l, c)
}

// TestNameComesLate: what is exported before the answer is not sent, what comes
// after is, with templates first and no gap in the sequence.
func TestNameComesLate(t *testing.T) {
	l := newLab(cache.Config{}, 1)
	c := listen(t)
	x, err := New(ExporterConfig{
		Targets: []string{named(c.Addr())}, Epoch: epoch, FlushInterval: time.Millisecond, DrainTimeout: patience, Domains: []uint32{0},
	}, l.caches)
	if err != nil {
		t.Fatal(err)
	}
	open := make(chan struct{})
	x.targets[0].udp.dialer.Resolver = nameServer(t, open)
	stop := runStarted(t, x)
	l.send(0, cache.Point{}, specs(50, 11))
	l.flush(t)
	early := l.packets
	eventually(t, "not counted", x, func(s Stats) bool { return s.Collectors[0].NotSent.Packets >= early })
	close(open)
	eventually(t, "no template came", x, func(Stats) bool { return c.Totals().Templates > 0 })
	again := newLab(cache.Config{}, 1)
	again.caches, again.batches = l.caches, l.batches
	again.send(0, cache.Point{}, specs(50, 12))
	again.flush(t)
	s := stop()
	checkSum(t, s)
	c.Wait(again.packets, patience)
	compare(t, again, c)
	if n := s.Collectors[0].NotSent.Packets; n != early {
		t.Errorf("%d packets not sent, want %d", n, early)
	}
}

// TestRetryCountsFromTheEnd: an attempt that fails late is not followed by another
// at once; a stop begins none.
func TestRetryCountsFromTheEnd(t *testing.T) {
	fail := make(chan struct{})
	d := newDialer(address{UDP, name + ":4739"})
	defer d.close()
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		<-fail
		return nil, errors.New("no name server")
	}}
	if d.try(true); d.pending != nil {
		t.Fatal("an attempt was begun at stop")
	}
	if conn, err := d.try(false); conn != nil || err != nil || d.pending == nil {
		t.Fatalf("%v, %v of an attempt under way: %+v", conn, err, d.pending)
	}
	under := d.pending
	if d.try(false); d.pending != under {
		t.Error("a second attempt beside the first")
	}
	failed := clock.Now()
	close(fail)
	if _, err := d.wait(t.Context()); err == nil {
		t.Error("no error of an attempt that failed")
	}
	if d.next < failed+int64(firstBackoff*3/4) || d.pending != nil {
		t.Errorf("next attempt at %d, the last ended after %d", d.next, failed)
	}
	if d.try(false); d.pending != nil && clock.Now() < d.next {
		t.Error("another attempt at once")
	}
}

// TestCloseEndsTheAttempt: a look-up under way is called off, not left to time out.
func TestCloseEndsTheAttempt(t *testing.T) {
	d := newDialer(address{UDP, name + ":4739"})
	r, asked, ended := silence()
	d.Resolver = r
	d.try(false)
	until(t, "a question", func() bool { return asked.Load() > 0 })
	d.close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the look-up ended with: %v", err)
	}
}

// TestNumericIsOpenAtOnce: an address in numbers needs no second call.
func TestNumericIsOpenAtOnce(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:4739", "[::1]:4739"} {
		d := newDialer(address{UDP, addr})
		conn, err := d.try(false)
		if (conn == nil) == (err == nil) || d.pending != nil {
			t.Errorf("%s: %v, %v", addr, conn, err)
		}
		if conn != nil {
			conn.Close()
		}
		d.close()
	}
}

// TestBackoff: waits double from 0.2 s up to 30 s, give or take a quarter.
func TestBackoff(t *testing.T) {
	var b backoff
	for i, want := range []float64{0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30} {
		for range 20 {
			b.failures = i
			if got := b.next().Seconds(); got < want*0.749 || got > want*1.251 || b.failures != i+1 {
				t.Errorf("wait %d is %v s, want %v", i, got, want)
			}
		}
	}
	if b.reset(); b.next() > firstBackoff*5/4 {
		t.Error("a success does not make the wait short again")
	}
}
