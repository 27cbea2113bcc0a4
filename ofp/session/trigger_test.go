package session

import (
	"net"
	"strings"
	"testing"

	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// TestTriggersAreTold: a controller of 1.5 that asks for it is told of a flow whose statistics
// pass a threshold, as statistics nobody asked for; one that does not, and older ones, are not.
func TestTriggersAreTold(t *testing.T) {
	now := int64(0)
	s, err := pipeline.New(pipeline.Config{Name: "br0", Now: func() int64 { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var srv *Server
	path := serveUnixAs(t, Config{Switch: box(), Tables: s}, &srv)
	s.OnStatTrigger(srv.StatsTriggered)
	connect := func(v wire.Version, asks bool) *peer {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		p := newPeer(t, conn)
		p.greet(v)
		// Who connects to the switch is told of nothing before it asks for packets.
		p.write(wire.AppendConfig(nil, v, wire.SetConfig, 1, wire.SwitchConfig{MissSendLen: 128}))
		if asks {
			var c wire.AsyncConfig
			c.Master[wire.AsyncFlowStats] = 1 << wire.FlowStatsTriggered
			p.write(wire.AppendAsync(nil, v, wire.SetAsync, 2, &c))
		}
		p.barrier(v)
		return p
	}
	listening, deaf, old := connect(wire.V15, true), connect(wire.V15, false), connect(wire.V14, false)

	f, err := pipeline.ParseFlow("table=3,priority=7,tcp,actions=stat_trigger(duration=5s,periodic)", nil)
	if err != nil {
		t.Fatal(err)
	}
	listening.write(wire.AppendFlowMod(nil, wire.V15, 3, &pipeline.FlowMod{Command: pipeline.FlowAdd, Flow: f}, wire.NoBuffer, wire.Style{}))
	listening.barrier(wire.V15)
	now = 6e9
	s.Tick()
	msg := listening.read()
	h, err := wire.ParseHeader(msg)
	if err != nil || h.Kind() != wire.MultipartReply || h.XID != 0 {
		t.Fatalf("%x, %v", msg, err)
	}
	m, err := wire.ParseMultipart(wire.V15, msg[wire.HeaderLen:])
	if err != nil || m.Part != wire.PartFlowStats || m.More {
		t.Fatalf("%+v, %v", m, err)
	}
	st, rest, err := wire.ParseFlowStat(wire.V15, m, m.Body)
	if err != nil || len(rest) > 0 || st.Reason != wire.FlowStatsTriggered || st.Flow.Table != 3 || st.Flow.Priority != 7 || st.Duration != 6e9 || st.Flow.Match != f.Match {
		t.Errorf("%+v, %d bytes more, %v", st, len(rest), err)
	}
	// ovs-ofctl does not know such flows by 1.5, and sees what they do by others.
	if text := ofctl(t, "-O", "OpenFlow15", "dump-flows", "unix:"+path); !strings.Contains(text, "OFPBIC_UNKNOWN_INST") {
		t.Errorf("1.5: %s", text)
	}
	if text := ofctl(t, "-O", "OpenFlow14", "dump-flows", "unix:"+path); !strings.Contains(text, "priority=7,tcp actions=drop") {
		t.Errorf("1.4: %s", text)
	}
	// Nothing is between these and their barriers.
	listening.barrier(wire.V15)
	deaf.barrier(wire.V15)
	old.barrier(wire.V14)
	// Asked for, they have the other reason.
	listening.write(wire.AppendFlowRequest(nil, wire.V15, 4, wire.Multipart{Part: wire.PartFlowStats}, &pipeline.FlowFilter{Table: 3, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup}))
	msg = listening.read()
	if m, err = wire.ParseMultipart(wire.V15, msg[wire.HeaderLen:]); err != nil {
		t.Fatal(err)
	}
	if st, _, err = wire.ParseFlowStat(wire.V15, m, m.Body); err != nil || st.Reason != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}
