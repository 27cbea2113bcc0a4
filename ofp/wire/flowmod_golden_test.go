package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pollux/ofp/pipeline"
)

// flowMods is what ovs-ofctl 3.1 sends: a flow as text, then the message in each format that
// can say it.
const flowMods = "testdata/flowmods.golden"

// formats are the forms of a flow mod, with what makes ovs-ofctl send it.
var formats = []struct {
	name  string
	v     Version
	style Style
	args  []string
}{
	{"OpenFlow10", V10, Style{TableID: true}, []string{"-O", "OpenFlow10", "-F", "OpenFlow10+table_id"}},
	{"NXM", V10, Style{NXM: true, TableID: true}, []string{"-O", "OpenFlow10", "-F", "NXM+table_id"}},
	{"OpenFlow13", V13, Style{}, []string{"-O", "OpenFlow13"}},
	{"OpenFlow14", V14, Style{}, []string{"-O", "OpenFlow14"}},
	{"OpenFlow15", V15, Style{}, []string{"-O", "OpenFlow15"}},
}

// recorder is a switch that says yes to everything and keeps the flow mods.
func recorder(t *testing.T, path string, got chan<- []byte) {
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			record(c, got)
		}
	}()
}

func record(c net.Conn, got chan<- []byte) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		head, err := in.Peek(HeaderLen)
		if err != nil {
			return
		}
		msg := make([]byte, binary.BigEndian.Uint16(head[2:]))
		if _, err := io.ReadFull(in, msg); err != nil {
			return
		}
		h, _ := ParseHeader(msg)
		switch k := h.Kind(); {
		case k == Hello:
			c.Write(AppendMessage(nil, h.Version, Hello, h.XID, nil))
		case k == BarrierRequest:
			c.Write(AppendMessage(nil, h.Version, BarrierReply, h.XID, nil))
		case k == FlowMod, k == Experimenter && binary.BigEndian.Uint32(msg[12:]) == NXTFlowMod:
			got <- msg
		}
	}
}

// goldenFlows are the flows that are asked of ovs-ofctl: all that pipeline reads, and those of
// testdata/flows.txt.
func goldenFlows(t *testing.T) (out []string) {
	t.Helper()
	b, err := os.ReadFile("../pipeline/testdata/flows.golden")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if i%2 == 0 {
			out = append(out, line)
		}
	}
	if b, err = os.ReadFile("testdata/flows.txt"); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// command splits "mod-flows: text" into what ovs-ofctl is to do and the flow.
func command(text string) (string, string) {
	if c, rest, ok := strings.Cut(text, ": "); ok && strings.HasSuffix(c, "-flows") {
		return c, rest
	}
	return "add-flow", text
}

func writeFlowMods(t *testing.T) {
	got := make(chan []byte, 16)
	path := filepath.Join(t.TempDir(), "s")
	recorder(t, path, got)
	var b strings.Builder
	for _, text := range goldenFlows(t) {
		fmt.Fprintf(&b, "== %s\n", text)
		cmd, flow := command(text)
		for _, f := range formats {
			args := append([]string{"--no-names"}, f.args...)
			args = append(args, strings.Fields(cmd)...)
			out, err := exec.Command("ovs-ofctl", append(args, "unix:"+path, flow)...).CombinedOutput()
			if err != nil {
				t.Logf("%s %s: %s", f.name, text, out)
				continue
			}
			msg := <-got
			binary.BigEndian.PutUint32(msg[4:], 2)
			fmt.Fprintf(&b, "%s %x\n", f.name, msg)
		}
	}
	if err := os.WriteFile(flowMods, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// eachFlowMod calls f with every message of the golden file.
func eachFlowMod(t testing.TB, f func(text string, v Version, style Style, msg []byte)) {
	t.Helper()
	file, err := os.ReadFile(flowMods)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, line := range strings.Split(strings.TrimSpace(string(file)), "\n") {
		if s, ok := strings.CutPrefix(line, "== "); ok {
			text = s
			continue
		}
		name, code, _ := strings.Cut(line, " ")
		msg, err := hex.DecodeString(code)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range formats {
			if o.name == name {
				f(text, o.v, o.style, msg)
			}
		}
	}
}

// readFlowMod reads a flow mod of either form.
func readFlowMod(v Version, style Style, msg []byte) (pipeline.FlowMod, uint32, error) {
	if style.NXM {
		return ParseNXFlowMod(msg[HeaderLen+8:], style.TableID)
	}
	return ParseFlowMod(v, msg[HeaderLen:], style.TableID)
}

// What ovs-ofctl sends is read, and written again as the same bytes.
func TestFlowModsAreThoseOfOVS(t *testing.T) {
	if *update {
		writeFlowMods(t)
	}
	n := 0
	eachFlowMod(t, func(text string, v Version, style Style, msg []byte) {
		n++
		fm, buffer, err := readFlowMod(v, style, msg)
		if err != nil {
			t.Errorf("%s: %s: %v", v, text, err)
			return
		}
		if at := tableAt(style); v == V10 && fm.Command == pipeline.FlowAdd && msg[at] == 0xff {
			msg[at] = 0 // any table, which is the first
		}
		if got := AppendFlowMod(nil, v, 2, &fm, buffer, style); string(got) != string(msg) && !otherwise(text, v) {
			t.Errorf("%s %+v: %s\n got %x\nwant %x", v, style, text, got, msg)
		}
	})
	if n < 500 {
		t.Errorf("%d messages in the golden file, want 500 or more", n)
	}
}

// tableAt is where 1.0 has the table in a message, when it has one.
func tableAt(style Style) int {
	if style.NXM {
		return 24
	}
	return HeaderLen + match10Len + 8
}

// otherwise says which flows are written in another way than ovs-ofctl's, and mean the same:
// what 1.0's write_metadata does is a load, the number of bytes of an output to a port is
// not kept, and a mask of all bits of a field of no whole bytes is left out.
func otherwise(text string, v Version) bool {
	return v == V10 && strings.Contains(text, "write_metadata") ||
		v != V10 && strings.Contains(text, "enqueue") ||
		v == V15 && (strings.Contains(text, "OXM_OF_MPLS_LABEL[]") || strings.Contains(text, "->NXM_NX_TUN_FLAGS[]"))
}
