package configs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// controlled is a configuration with two controllers. Files of TLS are wherever.
const controlled = `
ports: [{name: a, type: memory}]
control:
  openflow: ["punix:/run/x.mgmt", "ptcp:6653:[::1]"]
  controllers:
    - {target: "tcp:10.0.0.1"}
    - {target: "tcp:[2001:db8::1]:6633", inactivity_probe: 0, max_backoff: 30, controller_rate_limit: 1000, controller_queue_size: 5}
    - {target: "tcp:controller.example:6653"}
    - {target: "unix:/run/c.sock"}
`

func TestControllers(t *testing.T) {
	c, err := Parse([]byte(controlled), "/etc/p/x.yaml", Options{CPUs: cores(1)})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Flows) != 0 {
		t.Errorf("a switch with controllers has flows of its own: %v", c.Flows)
	}
	probe, backoff := Duration(5*time.Second), Duration(8*time.Second)
	want := []Controller{
		{Target: "tcp:10.0.0.1", Probe: probe, MaxBackoff: backoff, QueueSize: 100},
		{Target: "tcp:[2001:db8::1]:6633", MaxBackoff: Duration(30 * time.Second), RateLimit: 1000, QueueSize: 5},
		{Target: "tcp:controller.example:6653", Probe: probe, MaxBackoff: backoff, QueueSize: 100},
		{Target: "unix:/run/c.sock", Probe: probe, MaxBackoff: backoff, QueueSize: 100},
	}
	if d := cmp.Diff(want, c.Control.Controllers); d != "" {
		t.Error(d)
	}
	if c.Control.FailMode != Standalone {
		t.Errorf("fail mode %s", c.Control.FailMode)
	}

	next, err := Parse([]byte(strings.Replace(controlled, "inactivity_probe: 0", "inactivity_probe: 7s", 1)), "/etc/p/x.yaml", Options{CPUs: cores(1)})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Change{{"control.controllers[tcp:[2001:db8::1]:6633].inactivity_probe", `"0s"`, `"7s"`}}, Diff(c, next)); d != "" {
		t.Error(d)
	}
}

// Paths of TLS start at the file's folder, and the files are read.
func TestControlTLSFiles(t *testing.T) {
	const text = `
ports: [{name: a, type: memory}]
control: {openflow: ["pssl:6653"], tls: {key: k.pem, certificate: /c.pem, ca: sub/ca.pem}}
`
	var read []string
	_, err := Parse([]byte(text), "/etc/p/x.yaml", Options{CPUs: cores(1), ReadFile: func(name string) ([]byte, error) {
		read = append(read, name)
		return nil, nil
	}})
	if got, want := strings.Join(read, " "), "/etc/p/sub/ca.pem /c.pem /etc/p/k.pem"; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	for _, want := range []string{"control.tls.ca: /etc/p/sub/ca.pem has no certificate in PEM", "are no pair of certificate and key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
