package port

import (
	"reflect"
	"testing"

	"pollux/internal/lab"
	"pollux/internal/lines"
	"pollux/internal/packet"
	"pollux/pmd"
	"pollux/pmd/xsk"
)

// TestQueuesShareNoLine: the sides of a device's queues, any of which may belong to
// another loop, write no line together: rings' words and indices, ledgers, counters.
func TestQueuesShareNoLine(t *testing.T) {
	l := newLab(t)
	a, b := namespace(t, l, "a"), namespace(t, l, "b")
	_, err := l.Veth(lab.End{NS: a, Device: "eth0", Queues: 2}, lab.End{NS: b, Device: "eth0", Queues: 2})
	must(t, err)
	mem, free := newMemory(t, 4096)
	p := openAFXDP(t, a, mem, AFXDPConfig{Device: "eth0", RxRing: 64, TxRing: 64})
	memory, err := OpenMemory(MemoryConfig{Queues: 2, Flows: 3, Masks: 2}, mem)
	must(t, err)
	rules := &lines.Rules{
		Read: map[reflect.Type]string{
			reflect.TypeFor[packet.Memory](): "the description of the memory",
			reflect.TypeFor[header]():        "immutable",
		},
		Seldom: map[string]string{"port.memoryRx.groups": "immutable"},
		Aside:  map[string]string{"port.memoryRx.given": "a ring, which sees to itself"},
		Within: map[reflect.Type]string{
			reflect.TypeFor[xsk.RxSide]():  "within a Socket, that keeps the sides apart",
			reflect.TypeFor[xsk.TxSide]():  "within a Socket, that keeps the sides apart",
			reflect.TypeFor[uint32]():      "a word of a ring, on pages that the kernel has made for it",
			reflect.TypeFor[uint64]():      "the entries of a ring, likewise, or a ledger, whose size is that of the memory",
			reflect.TypeFor[packet.Desc](): "the entries of a ring",
		},
	}
	m := lines.New()
	for name, dev := range map[string]pmd.Port{"afxdp": p, "memory": memory} {
		rx, tx := dev.Queues()
		for q := range rx {
			m.Walk(name+" rx "+string(rune('0'+q)), "rx", reflect.ValueOf(rx[q]), rules)
			m.Walk(name+" tx "+string(rune('0'+q)), "tx", reflect.ValueOf(tx[q]), rules)
		}
	}
	for _, c := range append(m.Conflicts(), m.Exposed()...) {
		t.Error(c)
	}
	closePort(t, p, free)
}
