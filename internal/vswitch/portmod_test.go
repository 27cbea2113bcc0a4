package vswitch

import (
	"fmt"
	"testing"

	"pollux/internal/ofclient"
	"pollux/ofp/wire"
)

// A port that a controller configures is told to the others, and from 1.5 on to itself, as in
// Open vSwitch.
func TestPortModIsToldToTheOthers(t *testing.T) {
	sock := startForOfctl(t)
	partHeads := map[wire.Version]int{wire.V10: 4, wire.V13: 8, wire.V14: 8, wire.V15: 8}
	for _, v := range []wire.Version{wire.V10, wire.V13, wire.V14, wire.V15} {
		var told [2]string
		var conns [2]*ofclient.Conn
		var port *wire.Port
		for i := range conns {
			c, err := ofclient.Dial("unix", sock, v, patience)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Other = func(h wire.Header, msg []byte) {
				switch body := msg[wire.HeaderLen:]; h.Kind() {
				case wire.PortStatus:
					m, err := wire.ParsePortStatus(v, body)
					if err != nil {
						t.Error(err)
						return
					}
					told[i] += fmt.Sprintf("%d %s %d ", m.Reason, m.Port.Name, m.Port.Config)
				case wire.MultipartReply:
					p, _, err := wire.ParsePort(v, body[partHeads[v]:])
					if err != nil {
						t.Error(err)
						return
					}
					port = &p
				}
			}
			c.Send(wire.SetConfig, []byte{0, 0, 0, 1}) // which a service connection does that wants to be told
			ask := wire.Multipart{Part: wire.PartPortDesc}
			if v >= wire.V15 {
				ask.Body = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0} // any port
			}
			c.Send(wire.MultipartRequest, wire.AppendMultipartRequest(nil, v, 0, ask)[wire.HeaderLen:])
			if err := c.Barrier(); err != nil || port == nil {
				t.Fatal(err)
			}
			conns[i] = c
		}
		for _, config := range []wire.PortConfig{wire.PortNoFwd, 0} {
			m := wire.PortModMsg{Port: port.Number, MAC: port.MAC, Config: config, Mask: wire.PortNoFwd}
			conns[0].Send(wire.PortMod, wire.AppendPortMod(nil, v, 0, &m)[wire.HeaderLen:])
			for _, c := range conns {
				if err := c.Barrier(); err != nil {
					t.Fatal(err)
				}
			}
		}
		want := [2]string{"", "2 p1 32 2 p1 0 "}
		if v >= wire.V15 {
			want[0] = want[1]
		}
		if told != want {
			t.Errorf("%s: told %q, want %q", v, told, want)
		}
	}
}
