package flow

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew from what ovs-ofctl prints")

const (
	goldenIn  = "testdata/matches.in"     // matches as a person writes them
	goldenOut = "testdata/matches.golden" // line by line, what ovs-ofctl 3.1.0 made of them
)

func lines(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// TestMatchGolden reads what people write and compares the printed form with
// that of ovs-ofctl, which must read back to the same match.
func TestMatchGolden(t *testing.T) {
	in, out := lines(t, goldenIn), lines(t, goldenOut)
	if len(in) != len(out) || len(in) < 100 {
		t.Fatalf("%d matches, %d golden lines", len(in), len(out))
	}
	for i, text := range in {
		m, err := ParseMatch(text, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := m.String()
		if got != out[i] {
			t.Errorf("%s: printed as\n  %s, by ovs-ofctl as\n  %s", text, got, out[i])
		}
		again, err := ParseMatch(got, nil)
		if err != nil {
			t.Errorf("%s: printed as %s, which is refused: %v", text, got, err)
		} else if again != m {
			t.Errorf("%s: printed as %s, which is read as %s", text, got, again.String())
		}
	}
}

// TestMatchJudge asks ovs-ofctl itself, where it is installed, so that the golden
// file stays true to it.
func TestMatchJudge(t *testing.T) {
	if _, err := exec.LookPath("ovs-ofctl"); err != nil {
		t.Skip("ovs-ofctl is not installed; the golden file stands for it")
	}
	var text bytes.Buffer
	in := lines(t, goldenIn)
	for _, l := range in {
		text.WriteString(l + ",actions=drop\n")
	}
	file := filepath.Join(t.TempDir(), "flows")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := exec.Command("ovs-ofctl", "-O", "OpenFlow13", "parse-flows", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var judged []string
	for l := range strings.SplitSeq(string(got), "\n") {
		if _, rest, ok := strings.Cut(l, ": ADD"); ok {
			m, _, _ := strings.Cut(rest, " actions=")
			judged = append(judged, strings.TrimSpace(m))
		}
	}
	if len(judged) != len(in) {
		t.Fatalf("ovs-ofctl read %d of %d matches", len(judged), len(in))
	}
	if *update {
		if err := os.WriteFile(goldenOut, []byte(strings.Join(judged, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range lines(t, goldenOut) {
		if judged[i] != want {
			t.Errorf("%s: ovs-ofctl prints %s, the golden file has %s", in[i], judged[i], want)
		}
	}
}
