package actions

import (
	"testing"

	"pollux/internal/packet"
)

func TestDrop(t *testing.T) {
	r := newRig(300, 1)
	var d []packet.Desc
	for range 300 {
		c, _ := r.Free.Get()
		d = append(d, packet.Desc{Addr: c + 300, Len: 10})
	}
	r.Exec.Drop(DropHandoff, d, nil)
	if r.Free.Len() != 300 || r.Drops[DropHandoff] != (Count{300, 3000}) || r.Late != (Count{300, 3000}) {
		t.Errorf("%d free, %+v", r.Free.Len(), r.Stats)
	}
}
