package bench

import (
	"strings"
	"testing"
	"time"

	"pollux/internal/packet"
)

// TestStorm: no packet meets tables of before the last barrier, however flows change; all that
// was asked for was done. How fast is for people to judge.
func TestStorm(t *testing.T) {
	res, err := RunStorm(t.Context(), StormSpec{Time: 600 * time.Millisecond, Flows: 5000, Batch: 50})
	if err != nil {
		t.Fatal(err)
	}
	if res.Stale != 0 || res.Unaccounted != 0 || res.Checked == 0 || res.Barriers < 2 {
		t.Errorf("%+v", res)
	}
	if want := uint64(res.Barriers*(2*50+1) - 50); res.FlowMods != want {
		t.Errorf("%d flow-mods by %d barriers, want %d", res.FlowMods, res.Barriers, want)
	}
	// Each version has all decisions translated again that there are.
	if res.Translated == 0 {
		t.Error("no decision was translated again, though what they say has changed")
	}
	if text := res.String(); !strings.Contains(text, "flow-mods a second") {
		t.Error(text)
	}
}

// TestStormFindsStalePackets: the sink finds a version that is older than its packet, and one
// that nobody has asked for yet.
func TestStormFindsStalePackets(t *testing.T) {
	mem := &packet.Memory{Buf: make([]byte, 8192), FD: -1, ChunkSize: 2048, Headroom: 256, PerHome: 4}
	var v stormVersions
	p, err := v.checked(mem)
	if err != nil {
		t.Fatal(err)
	}
	_, tx := p.Queues()
	v.next.Store(7)
	for _, c := range []struct{ version, stamp, stale uint64 }{{7, 7, 0}, {7, 6, 0}, {6, 6, 0}, {6, 7, 1}, {0, 1, 1}, {8, 7, 1}} {
		v.stale = 0
		frame := mem.Buf[256:316]
		frame[5], frame[stampAt+7] = byte(c.version), byte(c.stamp)
		if tx[0].Tx([]packet.Desc{{Addr: 256, Len: 60}}) != 1 || v.stale != c.stale {
			t.Errorf("version %d in a packet of when %d was done: %d stale, want %d", c.version, c.stamp, v.stale, c.stale)
		}
	}
}
