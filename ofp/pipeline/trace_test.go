package pipeline

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestTraceSessions runs the files of testdata/trace: flows, then packets, each
// after "$ trace " and followed by what is printed; with -commit the packet itself
// went through the switch before.
func TestTraceSessions(t *testing.T) {
	files, err := os.ReadDir("testdata/trace")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			b, err := os.ReadFile("testdata/trace/" + file.Name())
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(string(b), "$ trace ")
			s := newBridge(t, normalOrPlain(file.Name()))
			flows, err := ParseFlows(parts[0], s.Snapshot().PortNames())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Replace(flows); err != nil {
				t.Fatal(err)
			}
			for _, p := range parts[1:] {
				text, want, _ := strings.Cut(p, "\n")
				if rest, ok := strings.CutPrefix(text, "-commit "); ok { // the packet itself first
					text = rest
					s.send(text)
					s.Tick()
				}
				r, err := s.Snapshot().TraceText(text)
				got := ""
				if err != nil {
					got = "error: " + err.Error() + "\n"
				} else {
					got = r.String()
				}
				if got != strings.TrimRight(want, "\n")+"\n" {
					t.Errorf("trace %s\ngot\n%s\nwant\n%s", text, got, want)
				}
			}
		})
	}
}

func normalOrPlain(name string) func(*Config) {
	if strings.HasPrefix(name, "normal") {
		return normalPorts
	}
	return func(*Config) {}
}

func TestTraceIsData(t *testing.T) {
	s := testState(t, "ip actions=resubmit(,1),3\ntable=1 actions=2")
	r, err := s.Snapshot().TraceText("in_port=1,ip")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r.Steps)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"bridge","text":"bridge(\"br0\")","subs":[{"kind":"table","text":" 0. ip, priority 32768","subs":[{"kind":"action","text":"resubmit(,1)"},{"kind":"table","text":" 1. priority 32768","subs":[{"kind":"action","text":"output:2"}]},{"kind":"action","text":"output:3"}]}]}`
	if string(b) != want {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
}
