package vswitch

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pollux/flow"
	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// rawSession is a session with a switch, spoken by hand.
type rawSession struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	v    wire.Version
	xid  uint32
}

func newRawSession(t *testing.T, sock string, v wire.Version) *rawSession {
	t.Helper()
	conn, err := net.Dial("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &rawSession{t: t, conn: conn, in: bufio.NewReader(conn), v: v}
	s.write(wire.AppendHello(nil, 1<<v, 1))
	s.read() // the hello
	return s
}

func (s *rawSession) write(b []byte) {
	s.t.Helper()
	if _, err := s.conn.Write(b); err != nil {
		s.t.Fatal(err)
	}
}

func (s *rawSession) read() []byte {
	s.t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	head, err := s.in.Peek(wire.HeaderLen)
	if err != nil {
		s.t.Fatal(err)
	}
	h, err := wire.ParseHeader(head)
	if err != nil {
		s.t.Fatal(err)
	}
	msg := make([]byte, h.Length)
	if _, err := io.ReadFull(s.in, msg); err != nil {
		s.t.Fatal(err)
	}
	return msg
}

// told returns what the switch says up to the answer to a barrier, as ovs-ofctl prints it.
func (s *rawSession) told() string {
	s.t.Helper()
	s.write(wire.AppendMessage(nil, s.v, wire.BarrierRequest, 999, nil))
	text := ""
	for {
		msg := s.read()
		switch wire.KindOf(s.v, msg[1]) {
		case wire.BarrierReply:
			return text
		case wire.EchoRequest:
			s.write(wire.AppendMessage(nil, s.v, wire.EchoReply, 0, msg[wire.HeaderLen:]))
			continue
		}
		out, err := exec.Command("ovs-ofctl", "ofp-print", hex.EncodeToString(msg)).CombinedOutput()
		if err != nil {
			s.t.Fatalf("%v\n%s", err, out)
		}
		for _, n := range byNature {
			out = []byte(n.re.ReplaceAllString(string(out), n.by))
		}
		for l := range strings.Lines(string(out)) {
			if l = strings.TrimRight(l, " \n"); l != "" {
				text += l + "\n"
			}
		}
	}
}

// do sends what a command says.
func (s *rawSession) do(command string) {
	s.t.Helper()
	s.xid++
	what, rest, _ := strings.Cut(command, " ")
	switch what {
	case "role":
		n, ok := map[string]uint32{"other": 0, "master": 1, "slave": 2}[rest]
		if !ok {
			number, err := strconv.ParseUint(rest, 0, 32)
			if err != nil {
				s.t.Fatal(err)
			}
			n = uint32(number)
		}
		b := wire.AppendRoleNXT(nil, s.v, s.xid, wire.NXTRoleRequest, &wire.RoleMsg{Role: wire.RoleEqual})
		b[len(b)-1] = byte(n)
		b[len(b)-2] = byte(n >> 8)
		s.write(b)
	case "elect":
		// An election by the message of 1.3 and up: role and generation.
		var role string
		var generation uint64
		if _, err := fmt.Sscan(rest, &role, &generation); err != nil {
			s.t.Fatal(err)
		}
		r := map[string]wire.Role{"nochange": wire.RoleNoChange, "equal": wire.RoleEqual, "master": wire.RoleMaster, "slave": wire.RoleSlave}[role]
		s.write(wire.AppendRole(nil, s.v, wire.RoleRequest, s.xid, &wire.RoleMsg{Role: r, Generation: generation, HasGeneration: true}))
	case "add", "modify", "delete":
		c := map[string]pipeline.FlowCommand{"add": pipeline.FlowAdd, "modify": pipeline.FlowModify, "delete": pipeline.FlowDelete}[what]
		fm, err := pipeline.ParseFlowMod(rest, c, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		s.write(wire.AppendFlowMod(nil, s.v, s.xid, &fm, wire.NoBuffer, wire.Style{TableID: false}))
	case "out":
		o := &wire.PacketOutMsg{BufferID: wire.NoBuffer, Data: make([]byte, 60)}
		o.Metadata.SetMasked(flow.InPort, flow.Value{Lo: uint64(wire.PortController)}, flow.InPort.Full())
		s.write(wire.AppendPacketOut(nil, s.v, s.xid, o))
	case "config":
		s.write(wire.AppendConfig(nil, s.v, wire.SetConfig, s.xid, wire.SwitchConfig{MissSendLen: 128}))
	case "port":
		s.write(wire.AppendPortMod(nil, s.v, s.xid, &wire.PortModMsg{Port: 1}))
	case "bundle-open", "bundle-close", "bundle-commit", "bundle-discard", "bundle-type":
		m := &wire.BundleMsg{Type: map[string]wire.BundleType{"bundle-open": wire.BundleOpen, "bundle-close": wire.BundleClose,
			"bundle-commit": wire.BundleCommit, "bundle-discard": wire.BundleDiscard, "bundle-type": 9}[what]}
		if _, err := fmt.Sscan(rest, &m.ID, &m.Flags); err != nil {
			s.t.Fatal(err)
		}
		s.write(wire.AppendBundle(nil, s.v, wire.BundleControl, s.xid, m))
	case "bundle-add": // with a flow mod that adds a flow, or another message
		m := &wire.BundleMsg{}
		var message string
		if _, err := fmt.Sscan(rest, &m.ID, &m.Flags, &message); err != nil {
			s.t.Fatal(err)
		}
		switch message {
		case "echo":
			m.Message = wire.AppendMessage(nil, s.v, wire.EchoRequest, s.xid, nil)
		case "xid":
			m.Message = wire.AppendMessage(nil, s.v, wire.BarrierRequest, s.xid+1, nil)
		case "version":
			m.Message = wire.AppendMessage(nil, wire.V10, wire.BarrierRequest, s.xid, nil)
		case "length":
			m.Message = wire.AppendMessage(nil, s.v, wire.BarrierRequest, s.xid, nil)
			m.Message[3] = 200
		case "port":
			m.Message = wire.AppendPortMod(nil, s.v, s.xid, &wire.PortModMsg{Port: 99})
		case "buffer":
			o := &wire.PacketOutMsg{BufferID: 7, Data: make([]byte, 60)}
			o.Metadata.SetMasked(flow.InPort, flow.Value{Lo: 1}, flow.InPort.Full())
			m.Message = wire.AppendPacketOut(nil, s.v, s.xid, o)
		default:
			fm, err := pipeline.ParseFlowMod(message, pipeline.FlowAdd, nil)
			if err != nil {
				s.t.Fatal(err)
			}
			m.Message = wire.AppendFlowMod(nil, s.v, s.xid, &fm, wire.NoBuffer, wire.Style{})
		}
		s.write(wire.AppendBundle(nil, s.v, wire.BundleAdd, s.xid, m))
	case "async":
		s.write(wire.AppendMessage(nil, s.v, wire.GetAsyncRequest, s.xid, nil))
	case "nothing":
	default:
		s.t.Fatalf("%q is no command", command)
	}
}

// limit bounds the flows of a table of the switch, which is at sock.
func limit(t *testing.T, sock, args string) {
	t.Helper()
	var table uint8
	var most uint32
	if _, err := fmt.Sscan(args, &table, &most); err != nil {
		t.Fatal(err)
	}
	if *record {
		out, err := exec.Command("ovs-vsctl", "--db=unix:"+filepath.Join(filepath.Dir(sock), "db.sock"), "--", "--id=@t", "create", "Flow_Table",
			fmt.Sprintf("flow_limit=%d", most), "--", "set", "bridge", "br0", fmt.Sprintf("flow_tables:%d=@t", table)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	s := newRawSession(t, sock, wire.V15)
	defer s.conn.Close()
	ask := wire.Multipart{Part: wire.PartTableFeatures}
	s.write(wire.AppendMultipartRequest(nil, s.v, 1, ask))
	for more := true; more; {
		m, err := wire.ParseMultipart(s.v, s.read()[wire.HeaderLen:])
		if err != nil {
			t.Fatal(err)
		}
		more = m.More
		for b := m.Body; len(b) > 0; {
			f, rest, err := wire.ParseTableFeatures(s.v, b)
			if err != nil {
				t.Fatal(err)
			}
			if b = rest; f.ID == table {
				f.Command, f.MaxEntries = 1, most // OFPTFC_MODIFY
				ask.Body = f.Append(nil, s.v)
			}
		}
	}
	s.write(wire.AppendMultipartRequest(nil, s.v, 2, ask))
	for more := true; more; {
		msg := s.read()
		m, err := wire.ParseMultipart(s.v, msg[wire.HeaderLen:])
		if err != nil || wire.KindOf(s.v, msg[1]) != wire.MultipartReply {
			t.Fatalf("the bound is answered by %x, %v", msg[:min(len(msg), 16)], err)
		}
		more = m.More
	}
}

// TestSessionsAreAnsweredAsOVSAnswers: what ovs-ofctl has no command for, several sessions at once,
// by testdata/sessions. A command is "open N VERSION", "N COMMAND" for the session of that number,
// "limit TABLE FLOWS", or "ofctl ARGS". What each session is told then follows, up to a barrier.
func TestSessionsAreAnsweredAsOVSAnswers(t *testing.T) {
	eachTranscript(t, "sessions", func(t *testing.T, tr *transcript, sock, dir string) {
		sessions := map[string]*rawSession{}
		var order []string
		for i := range tr.steps {
			st := &tr.steps[i]
			got := ""
			switch who, command, _ := strings.Cut(st.command, " "); who {
			case "open":
				id, version, _ := strings.Cut(command, " ")
				v := map[string]wire.Version{"10": wire.V10, "13": wire.V13, "14": wire.V14, "15": wire.V15}[version]
				sessions[id] = newRawSession(t, sock, v)
				order = append(order, id)
			case "limit":
				limit(t, sock, command)
			case "ofctl":
				got = askOfctl(t, sock, dir, command)
			default:
				sessions[who].do(command)
				got = sessions[who].told()
			}
			for _, id := range order {
				if text := sessions[id].told(); text != "" {
					got += "session " + id + ":\n" + text
				}
			}
			st.judge(t, got)
		}
	})
}
