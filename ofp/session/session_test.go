package session

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"

	"pollux/ofp/ofperr"
	"pollux/ofp/wire"
)

var spoken = []wire.Version{wire.V10, wire.V13, wire.V14, wire.V15}

// ovs-ofctl is answered in every version, in its own words.
func TestOVSIsAnswered(t *testing.T) {
	path := serveUnix(t, Config{Switch: box()})
	for _, v := range spoken {
		// As ovs-ofctl tells versions above 1.0 from it.
		of := map[wire.Version]string{wire.V13: " (OF1.3)", wire.V14: " (OF1.4)", wire.V15: " (OF1.5)"}[v]
		ports := ` 1(up0): addr:02:00:00:00:00:01
     config:     0
     state:      LIVE
     speed: 0 Mbps now, 0 Mbps max
 2(up1): addr:02:00:00:00:00:02
     config:     0
     state:      LINK_DOWN
     speed: 0 Mbps now, 0 Mbps max`
		show := fmt.Sprintf(`OFPT_FEATURES_REPLY%[1]s (xid=0x2): dpid:0000000000000abc
n_tables:254, n_buffers:0
capabilities: FLOW_STATS
OFPST_PORT_DESC reply%[1]s (xid=0x3):
%[2]s
OFPT_GET_CONFIG_REPLY%[1]s (xid=0x5): frags=normal miss_send_len=0`, of, ports)
		if v == wire.V10 {
			ports = strings.Replace(ports, "LIVE", "0", 1)
			show = fmt.Sprintf(`OFPT_FEATURES_REPLY (xid=0x2): dpid:0000000000000abc
n_tables:254, n_buffers:0
capabilities: FLOW_STATS
actions: output
%s
OFPT_GET_CONFIG_REPLY (xid=0x4): frags=normal miss_send_len=0`, ports)
		}
		for _, c := range []struct{ command, want string }{
			{"show", show},
			{"dump-ports-desc", "OFPST_PORT_DESC reply" + of + " (xid=0x2):\n" + ports},
			{"dump-desc", "OFPST_DESC reply" + of + ` (xid=0x2):
Manufacturer: Pollux
Hardware: 
Software: 
Serial Num: 
DP Description: br0`},
			{"dump-ipfix-bridge", "NXST_IPFIX_BRIDGE reply" + of + ` (xid=0x2):
  bridge ipfix: flows=9, current flows=8, sampled pkts=7, ipv4 ok=6, ipv6 ok=5, tx pkts=1
                pkts errs=4, ipv4 errs=3, ipv6 errs=2, tx errs=0`},
			{"dump-ipfix-flow", "NXST_IPFIX_FLOW reply" + of + ` (xid=0x2): 2 ids
  id   7: flows=70, current flows=0, sampled pkts=0, ipv4 ok=0, ipv6 ok=0, tx pkts=0
          pkts errs=0, ipv4 errs=0, ipv6 errs=0, tx errs=3
  id   8: flows=80, current flows=0, sampled pkts=0, ipv4 ok=0, ipv6 ok=0, tx pkts=0
          pkts errs=0, ipv4 errs=0, ipv6 errs=0, tx errs=0`},
			{"probe", ""},
		} {
			got := ofctl(t, "-O", v.String(), c.command, "unix:"+path)
			if got != c.want {
				t.Errorf("%s %s:\n%s\nwant\n%s", v, c.command, got, c.want)
			}
		}
	}
	for _, v := range spoken {
		if got := ofctl(t, "-O", v.String(), "get-frags", "unix:"+path); got != "normal" {
			t.Errorf("%s get-frags: %s", v, got)
		}
		if got := ofctl(t, "-O", v.String(), "set-frags", "unix:"+path, "normal"); got != "" {
			t.Errorf("%s set-frags normal: %s", v, got)
		}
		want := "OFPSCFC_BAD_FLAGS"
		if v == wire.V10 {
			want = "NXBRC_UNENCODABLE_ERROR" // 1.0 has no word for it
		}
		if got := ofctl(t, "-O", v.String(), "set-frags", "unix:"+path, "reassemble"); !strings.Contains(got, want) {
			t.Errorf("%s set-frags reassemble: %s", v, got)
		}
		for _, mode := range []string{"drop", "nx-match", "normal"} {
			if got := ofctl(t, "-O", v.String(), "set-frags", "unix:"+path, mode); got != "" {
				t.Errorf("%s set-frags %s: %s", v, mode, got)
			}
			if got := ofctl(t, "-O", v.String(), "get-frags", "unix:"+path); got != mode {
				t.Errorf("%s get-frags: %s, want %s", v, got, mode)
			}
		}
	}
	// One port; below 1.5 ovs-ofctl asks for all and picks.
	for _, v := range spoken {
		got := ofctl(t, "-O", v.String(), "dump-ports-desc", "unix:"+path, "2")
		if !strings.Contains(got, " 2(up1): ") || v == wire.V15 && strings.Contains(got, "up0") {
			t.Errorf("%s port 2: %s", v, got)
		}
	}
	// As most people type it.
	if got := ofctl(t, "dump-ipfix-bridge", "unix:"+path); !strings.HasPrefix(got, "NXST_IPFIX_BRIDGE reply (xid=0x2):\n") {
		t.Errorf("without -O: %s", got)
	}
	if got := ofctl(t, "ping", "unix:"+path, "1000"); strings.Count(got, "1000 bytes from") != 10 {
		t.Errorf("ping: %s", got)
	}
}

func TestOVSIsToldWhatIsNotConfigured(t *testing.T) {
	path := serveUnix(t, Config{Switch: &fixed{}})
	for _, v := range spoken {
		for _, c := range []string{"dump-ipfix-bridge", "dump-ipfix-flow"} {
			if got := ofctl(t, "-O", v.String(), c, "unix:"+path); !strings.Contains(got, ": NXST_NOT_CONFIGURED\n") {
				t.Errorf("%s %s: %s", v, c, got)
			}
		}
	}
}

// More sets than fit a message come in several, and ovs-ofctl takes them for one reply.
func TestOVSReadsManySets(t *testing.T) {
	b := box()
	b.sets = nil
	for i := range 2000 {
		b.sets = append(b.sets, wire.IPFIXStats{SetID: uint32(i), Flows: uint64(i)})
	}
	path := serveUnix(t, Config{Switch: b})
	for _, v := range spoken {
		got := ofctl(t, "-O", v.String(), "dump-ipfix-flow", "unix:"+path)
		for i := range b.sets {
			if want := fmt.Sprintf("id %3d: flows=%d, ", i, i); !strings.Contains(got, want) {
				t.Fatalf("%s: no %q", v, want)
			}
		}
	}
}

// What cannot be served is refused by the error that the specification has for it,
// with the head of the request; the session goes on.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("aa", 200)
	for _, c := range []struct {
		name, msg string // the message in hexadecimal, without version, length and xid
		v         []wire.Version
		want      ofperr.Error
	}{
		{"a type that does not exist", "63", spoken, ofperr.BadType},
		{"a packet in", "0a", spoken, ofperr.BadType},
		{"a long message of a wrong type", "63" + long, spoken, ofperr.BadType},
		{"group mod in 1.0 is no message", "1c", spoken[:1], ofperr.BadType},
		{"flow mod without a body", "0e", spoken, ofperr.BadLen},
		{"a role that there is not", "18" + "00000004000000000000000000000000", spoken[1:], ofperr.RoleBad},
		{"half a role request", "18" + "0000000100000000", spoken[1:], ofperr.BadLen},
		{"Nicira's role that there is not", "04" + "00002320 0000000a 00000003", spoken, ofperr.RoleBad},
		{"a role reply", "19" + "00000000000000000000000000000000", spoken[1:], ofperr.BadType},
		{"get async with a body", "1a" + "00", spoken[1:], ofperr.BadLen},
		{"set async with five masks", "1c" + strings.Repeat("00000001", 5), spoken[1:2], ofperr.BadLen},
		{"set async of what there is not", "1c" + "000000080000ffff" + "0000000800000002", spoken[1:2], ofperr.BadLen},
		{"set async of a kind that there is not", "1c" + "0020000800000001", spoken[2:], ofperr.AsyncUnsupported},
		{"set async for a reason that there is not", "1c" + "0001000880000000", spoken[2:], ofperr.AsyncInvalid},
		{"Nicira's set async with five masks", "04" + "00002320 00000013" + strings.Repeat("00000001", 5), spoken, ofperr.BadLen},
		{"features with a body", "05" + "00", spoken, ofperr.BadLen},
		{"config with a body", "07" + "00", spoken, ofperr.BadLen},
		{"barrier with a body", "12" + "00", spoken[:1], ofperr.BadLen},
		{"barrier with a body", "14" + "00", spoken[1:], ofperr.BadLen},
		{"set config too short", "09" + "0000", spoken, ofperr.ConfigBadLen},
		{"set config to reassemble", "09" + "00020080", spoken, ofperr.ConfigBadFlags},
		{"a vendor's message", "04" + "00000001 00000000", spoken, ofperr.BadExperimenter},
		{"Nicira's unknown message", "04" + "00002320 000003e7", spoken, ofperr.BadExperimenterType},
		{"Nicira's message without a type", "04" + "00002320", spoken, ofperr.BadLen},
		{"a vendor's message without vendor", "04" + "0000", spoken, ofperr.BadLen},
		{"statistics without a head", "10" + "00", spoken[:1], ofperr.BadLen},
		{"multipart without a head", "12" + "00000000", spoken[1:], ofperr.BadLen},
		{"unknown statistics", "10" + "00630000", spoken[:1], ofperr.BadMultipart},
		{"unknown multipart", "12" + "0063000000000000", spoken[1:], ofperr.BadMultipart},
		{"statistics of a vendor", "10" + "ffff0000 00000001", spoken[:1], ofperr.BadExperimenter},
		{"multipart of an experimenter", "12" + "ffff000000000000 00000001 00000003", spoken[1:], ofperr.BadExperimenter},
		{"Nicira's unknown statistics", "10" + "ffff0000 00002320 000003e7 00000000", spoken[:1], ofperr.BadExperimenterType},
		{"Nicira's unknown multipart", "12" + "ffff000000000000 00002320 000003e7", spoken[1:], ofperr.BadExperimenterType},
		{"Nicira's statistics without padding", "10" + "ffff0000 00002320 00000003", spoken[:1], ofperr.BadLen},
		{"IPFIX statistics with a body", "12" + "ffff000000000000 00002320 00000003 00000000", spoken[1:], ofperr.BadLen},
		{"IPFIX statistics of sets with a body", "12" + "ffff000000000000 00002320 00000004 00000000", spoken[1:], ofperr.BadLen},
		{"description with a body", "12" + "0000000000000000 00000000", spoken[1:], ofperr.BadLen},
		{"ports in several messages", "12" + "000d000100000000", spoken[1:3], ofperr.MultipartOverflow},
		{"ports with a body", "12" + "000d000000000000 00000001 00000000", spoken[1:3], ofperr.BadLen},
		{"ports without a body", "12" + "000d000000000000", spoken[3:], ofperr.BadLen},
	} {
		for _, v := range c.v {
			body, err := hex.DecodeString(strings.ReplaceAll(c.msg, " ", ""))
			if err != nil {
				t.Fatal(c.name, err)
			}
			msg := []byte{byte(v), body[0], 0, byte(len(body) + 7), 0xa, 0xb, 0xc, 0xd}
			msg = append(msg, body[1:]...)
			p := dial(t, Config{Switch: box()})
			p.greet(v)
			p.write(msg)
			if got, want := p.read(), wire.AppendError(nil, v, c.want, msg); !bytes.Equal(got, want) {
				t.Errorf("%s, %s:\n got %x\nwant %x", v, c.name, got, want)
			}
			p.alive(v)
		}
	}
}

// dial opens a session on a Unix socket.
func dial(t *testing.T, c Config) *peer {
	t.Helper()
	conn, err := net.Dial("unix", serveUnix(t, c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newPeer(t, conn)
}

// alive checks that the session answers.
func (p *peer) alive(v wire.Version) {
	p.t.Helper()
	p.write(wire.AppendMessage(nil, v, wire.EchoRequest, 0x99, []byte("x")))
	if got, want := p.read(), wire.AppendMessage(nil, v, wire.EchoReply, 0x99, []byte("x")); !bytes.Equal(got, want) {
		p.t.Errorf("an echo request is answered by %x, want %x", got, want)
	}
}

// A message of another version than the session's is refused; hello and error are the
// same in all versions and are not answered.
func TestOtherVersionsInASession(t *testing.T) {
	p := dial(t, Config{Switch: box()})
	p.greet(wire.V13)
	for _, v := range []wire.Version{wire.V10, wire.V14, 3, 99} {
		for _, typ := range []byte{5, 2, 0x63} {
			msg := []byte{byte(v), typ, 0, 8, 0, 0, 0, 1}
			p.write(msg)
			if got, want := p.read(), wire.AppendError(nil, wire.V13, ofperr.BadVersion, msg); !bytes.Equal(got, want) {
				t.Errorf("%s type %d: %x, want %x", v, typ, got, want)
			}
		}
		p.write([]byte{byte(v), 0, 0, 8, 0, 0, 0, 1})              // hello
		p.write([]byte{byte(v), 1, 0, 12, 0, 0, 0, 1, 0, 1, 0, 1}) // error
		p.write([]byte{byte(v), 1, 0, 9, 0, 0, 0, 1, 0})           // half an error
		p.write([]byte{byte(wire.V13), 3, 0, 9, 0, 0, 0, 7, 'a'})  // an echo reply nobody asked for
		p.write([]byte{byte(wire.V13), 1, 0, 8, 0, 0, 0, 7})       // an empty error
	}
	p.alive(wire.V13)
}

func TestNegotiation(t *testing.T) {
	for _, c := range []struct {
		name, hello string
		ours        wire.Versions
		want        wire.Version
	}{
		{"1.0, bare", "0100000800000001", 0, wire.V10},
		{"1.3, bare", "0400000800000001", 0, wire.V13},
		{"a version to come, bare", "0900000800000001", 0, wire.V15},
		{"1.2, bare", "0300000800000001", 0, 0},
		{"1.0 and 1.3", "0400001000000001000100080000001a", 0, wire.V13},
		{"1.2 at most, but 1.0 too", "0300001000000001000100080000000a", 0, wire.V10},
		{"1.1 and 1.2", "0300001000000001000100080000000c", 0, 0},
		{"all", "0700001000000001 00010008000000fe", 0, wire.V15},
		{"all, and we 1.3 at most", "0700001000000001 00010008000000fe", 1<<wire.V10 | 1<<wire.V13, wire.V13},
		{"1.0, and we 1.3 at least", "0100000800000001", 1<<wire.V13 | 1<<wire.V14, 0},
		{"garbage after the hello's head", "0400000a00000001ffff", 0, wire.V13},
	} {
		hello, err := hex.DecodeString(strings.ReplaceAll(c.hello, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		p := dial(t, Config{Switch: box(), Versions: c.ours})
		ours := c.ours
		if ours == 0 {
			ours = wire.Spoken
		}
		if got, want := p.read(), wire.AppendHello(nil, ours, 1); !bytes.Equal(got, want) {
			t.Errorf("%s: hello %x, want %x", c.name, got, want)
		}
		p.write(hello)
		if c.want != 0 {
			p.alive(c.want)
			continue
		}
		msg := p.read()
		h, err := wire.ParseHeader(msg)
		if err != nil || h.Kind() != wire.ErrorMsg || h.XID != 1 || !ours.Has(h.Version) {
			t.Errorf("%s: %x, %v", c.name, msg, err)
			continue
		}
		e, err := wire.ParseError(h.Version, msg[wire.HeaderLen:])
		if err != nil || e.Type != 0 || e.Code != 0 || !bytes.Contains(e.Data, []byte("this switch speaks OpenFlow1")) {
			t.Errorf("%s: %v %q, %v", c.name, e, e.Data, err)
		}
		if msg := p.read(); msg != nil {
			t.Errorf("%s: the session goes on with %x", c.name, msg)
		}
	}
}

// ovs-ofctl of a version that the switch does not speak says so.
func TestOVSWithoutACommonVersion(t *testing.T) {
	path := serveUnix(t, Config{Switch: box()})
	if got := ofctl(t, "-O", "OpenFlow11", "show", "unix:"+path); !strings.Contains(got, "version negotiation failed") {
		t.Error(got)
	}
}

// A session that does not begin with a hello is told and ended.
func TestNoHello(t *testing.T) {
	for msg, answered := range map[string]bool{
		"0405000800000002":         true,  // features request
		"0401000c0000000200000000": false, // the peer does not like our hello
	} {
		p := dial(t, Config{Switch: box()})
		p.read()
		b, err := hex.DecodeString(msg)
		if err != nil {
			t.Fatal(err)
		}
		p.write(b)
		if answered {
			if got, want := p.read(), wire.AppendError(nil, wire.V13, ofperr.BadType, b); !bytes.Equal(got, want) {
				t.Errorf("%s: %x, want %x", msg, got, want)
			}
		}
		if got := p.read(); got != nil {
			t.Errorf("%s: the session goes on with %x", msg, got)
		}
	}
}

// A length less than a header's leaves no way to find the next message.
func TestLengthLessThanAHeader(t *testing.T) {
	p := dial(t, Config{Switch: box()})
	p.greet(wire.V13)
	p.alive(wire.V13)
	msg := []byte{4, 5, 0, 7, 0, 0, 0, 1}
	p.write(msg)
	if got, want := p.read(), wire.AppendError(nil, wire.V13, ofperr.BadLen, msg); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	if got := p.read(); got != nil {
		t.Errorf("the session goes on with %x", got)
	}
}

// A session keeps what it set, and no other sees it.
func TestConfigIsTheSessions(t *testing.T) {
	path := serveUnix(t, Config{Switch: box()})
	want := []byte{4, 8, 0, 12, 0, 0, 0, 2, 0, 0, 0, 0}
	for _, miss := range []byte{77, 78} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		p := newPeer(t, conn)
		p.greet(wire.V13)
		ask := []byte{4, 7, 0, 8, 0, 0, 0, 2}
		p.write(ask)
		want[11] = 0
		if got := p.read(); !bytes.Equal(got, want) {
			t.Errorf("at first %x, want %x", got, want)
		}
		p.write([]byte{4, 9, 0, 12, 0, 0, 0, 1, 0, 0, 0, miss})
		p.write(ask)
		want[11] = miss
		if got := p.read(); !bytes.Equal(got, want) {
			t.Errorf("then %x, want %x", got, want)
		}
	}
}

// Requests sent before the peer closes its side are answered.
func TestRequestsBeforeTheEnd(t *testing.T) {
	p := dial(t, Config{Switch: box()})
	p.greet(wire.V15)
	for i := range 100 {
		p.write(wire.AppendMessage(nil, wire.V15, wire.BarrierRequest, uint32(i), nil))
	}
	if err := p.conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if got, want := p.read(), wire.AppendMessage(nil, wire.V15, wire.BarrierReply, uint32(i), nil); !bytes.Equal(got, want) {
			t.Fatalf("%x, want %x", got, want)
		}
	}
	if got := p.read(); got != nil {
		t.Errorf("%x", got)
	}
}

// A mistake in the switch ends the session it happened in, and nothing else.
func TestAPanicEndsOneSession(t *testing.T) {
	path := serveUnix(t, Config{Switch: nil}) // its methods panic
	var peers []*peer
	for range 2 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		p := newPeer(t, conn)
		p.greet(wire.V13)
		peers = append(peers, p)
	}
	peers[0].write(wire.AppendMessage(nil, wire.V13, wire.FeaturesRequest, 1, nil))
	if got := peers[0].read(); got != nil {
		t.Errorf("%x", got)
	}
	peers[1].alive(wire.V13)
}
