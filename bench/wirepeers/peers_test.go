package wirepeers

import (
	"strings"
	"testing"
)

func TestPeersByName(t *testing.T) {
	if _, err := New([]string{"vpp"}); err == nil || !strings.Contains(err.Error(), "want bridge, ovs-afxdp") {
		t.Errorf("error %v", err)
	}
	d, err := New(Installed())
	if err != nil || len(d) != len(Installed()) {
		t.Errorf("%d devices, %v", len(d), err)
	}
	for i, n := range Installed() {
		if d[i].Name() != n {
			t.Errorf("device %d is %s, want %s", i, d[i].Name(), n)
		}
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	p := peer{name: "x", needs: []program{{[]string{"sh"}, "dash"}, {[]string{"/nonexistent/x", "nosuchprogram"}, "x-tools"}}}
	err := p.missing()
	if err == nil || !strings.Contains(err.Error(), "peer x: /nonexistent/x or nosuchprogram is not installed: package x-tools") {
		t.Errorf("error %v", err)
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{"a=b": `a="b"`, "dpdk-extra=--no-pci --x=1": `dpdk-extra="--no-pci --x=1"`} {
		if got := quoted(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
