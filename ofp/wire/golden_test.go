package wire

import (
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pollux/ofp/ofperr"
)

var update = flag.Bool("update", false, "write testdata/replies.golden anew, with ovs-ofctl")

var spoken = []Version{V10, V13, V14, V15}

// samplePorts are two ports as a switch may have them.
func samplePorts() []Port {
	return []Port{
		{Number: 1, MAC: [6]byte{2, 0, 0, 0, 0, 1}, Name: "up0", Config: PortNoFlood, State: PortLive},
		{Number: 0xfffffffe, MAC: [6]byte{2, 0, 0, 0, 0, 9}, Name: "a-name-of-15-by", Config: PortDown | PortNoRecv, State: PortLinkDown,
			Current: 1 << 5, Speed: 1_000_000, MaxSpeed: 10_000_000},
	}
}

func sampleStats(id uint32) IPFIXStats {
	return IPFIXStats{
		Flows: 20_000, CurrentFlows: 137, Packets: 1 << 40, IPv4: 1<<40 - 30, IPv6: 20, Errors: 10,
		IPv4Errors: 7, IPv6Errors: IPFIXUnknown, Tx: 4_711, TxErrors: 3, SetID: id,
	}
}

// replies makes one message of every kind that a switch sends, by name.
func replies(v Version) map[string][]byte {
	one := func(m Multipart, records ...[]byte) (out []byte) {
		r := NewReplies(v, 2, m, func(msg []byte) { out = append(out, msg...) })
		for _, rec := range records {
			r.Add(rec)
		}
		r.End()
		return out
	}
	bridge, set, big := sampleStats(0), sampleStats(1), sampleStats(4_000_000_000)
	ports := samplePorts()
	request := AppendMultipartRequest(nil, v, 7, Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: NXIPFIXFlow})
	return map[string][]byte{
		"hello":         AppendHello(nil, Spoken&(1<<(v+1)-1), 1),
		"error":         AppendError(nil, v, ofperr.BadType, AppendMessage(nil, v, BarrierRequest, 7, nil)),
		"error-nicira":  AppendError(nil, v, ofperr.NotConfigured, request),
		"error-hello":   AppendHelloFailed(nil, v, 1, "no version in common"),
		"echo-reply":    AppendMessage(nil, v, EchoReply, 3, []byte("are you there?")),
		"barrier-reply": AppendMessage(nil, v, BarrierReply, 4, nil),
		"config":        AppendConfig(nil, v, GetConfigReply, 5, SwitchConfig{MissSendLen: 128}),
		"features": AppendFeatures(nil, v, 2, &Features{
			DatapathID: 0x020000000001, Tables: 254, Capabilities: CapFlowStats | CapGroupStats | CapARPMatchIP, Actions: 0xfff, Ports: ports,
		}),
		"desc": one(Multipart{Part: PartDesc}, (&Desc{
			Manufacturer: "maker", Hardware: "hw", Software: "0.1", Serial: "none", Datapath: "br0",
		}).Append(nil)),
		"port-desc":    one(Multipart{Part: PartPortDesc}, ports[0].Append(nil, v), ports[1].Append(nil, v)),
		"ipfix-bridge": one(Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: NXIPFIXBridge}, bridge.Append(nil)),
		"ipfix-flow":   one(Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: NXIPFIXFlow}, set.Append(nil), big.Append(nil)),
	}
}

const goldenFile = "testdata/replies.golden"

// ofpPrint has ovs-ofctl say what a message is.
func ofpPrint(t *testing.T, msg []byte) string {
	t.Helper()
	out, err := exec.Command("ovs-ofctl", "ofp-print", hex.EncodeToString(msg), "2").CombinedOutput()
	if err != nil {
		t.Fatalf("ovs-ofctl ofp-print %x: %v\n%s", msg, err, out)
	}
	// Trailing blanks would not survive an editor.
	var lines []string
	for _, l := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		lines = append(lines, strings.TrimRight(l, " "))
	}
	return strings.Join(lines, "\n")
}

// golden is one message of the file.
type golden struct{ hex, text string }

func readGolden(t *testing.T) map[string]golden {
	t.Helper()
	return readGoldenFile(t, goldenFile)
}

func readGoldenFile(t *testing.T, file string) map[string]golden {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]golden{}
	for _, part := range strings.Split(string(b), "== ")[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		code, text, _ := strings.Cut(rest, "\n")
		out[title] = golden{code, strings.TrimSpace(text)}
	}
	return out
}

func writeGolden(t *testing.T) {
	t.Helper()
	var b strings.Builder
	for _, v := range spoken {
		msgs := replies(v)
		for _, n := range slices.Sorted(maps.Keys(msgs)) {
			fmt.Fprintf(&b, "== %s %s\n%x\n%s\n\n", v, n, msgs[n], ofpPrint(t, msgs[n]))
		}
	}
	if err := os.WriteFile(goldenFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What is written is what was written when ovs-ofctl last looked at it.
func TestRepliesAreThoseOfTheGoldenFile(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	want := readGolden(t)
	n := 0
	for _, v := range spoken {
		for name, msg := range replies(v) {
			n++
			title := fmt.Sprintf("%s %s", v, name)
			if got := hex.EncodeToString(msg); got != want[title].hex {
				t.Errorf("%s:\n got %s\nwant %s", title, got, want[title].hex)
			}
		}
	}
	if n != len(want) {
		t.Errorf("%d messages, the golden file has %d", n, len(want))
	}
}

// ovs-ofctl reads the golden file as the file says.
func TestOVSReadsTheGoldenFile(t *testing.T) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed")
	}
	for title, g := range readGolden(t) {
		msg, err := hex.DecodeString(g.hex)
		if err != nil {
			t.Fatal(err)
		}
		if got := ofpPrint(t, msg); got != g.text {
			t.Errorf("%s: ovs-ofctl prints\n%s\nwant\n%s", title, got, g.text)
		}
	}
}
