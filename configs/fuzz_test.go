package configs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse: no text makes the loader panic, and what it returns is either a
// complete configuration or errors that stand in the text.
func FuzzParse(f *testing.F) {
	for _, glob := range []string{"*.yaml", "testdata/errors/*.yaml"} {
		files, _ := filepath.Glob(glob)
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		noFile := func(string) ([]byte, error) { return nil, os.ErrNotExist }
		c, err := Parse(src, "fuzz.yaml", Options{CPUs: cores(4), ParseFlows: fussyFlows, ReadFile: noFile, IsDir: func(string) bool { return true }})
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if err != nil {
			var es Errors
			if !errors.As(err, &es) || len(es) == 0 {
				t.Fatalf("error is %T: %v", err, err)
			}
			lines := len(splitLines(string(src)))
			for _, e := range es {
				if e.Line < 1 || e.Line > lines+1 || e.Column < 1 || e.Msg == "" {
					t.Errorf("%+v in a text of %d lines", *e, lines)
				}
			}
			return
		}
		if len(c.Datapath.Loops) == 0 || c.Datapath.Memory.FramesPerLoop == 0 {
			t.Error("not complete")
		}
		for _, p := range c.Ports {
			if p.OFPort == 0 || len(p.Loops) != p.Queues || p.VLAN.Mode == "" || p.Name == "" {
				t.Errorf("port not complete: %+v", p)
			}
		}
		if d := Diff(c, c); len(d) != 0 {
			t.Errorf("differs from itself: %v", d)
		}
	})
}

// FuzzSetExporter: no value makes it panic, and what it returns differs in that key
// alone, or in nothing.
func FuzzSetExporter(f *testing.F) {
	for key, value := range map[string]string{
		"targets": "tcp:h:1, 'file:/x'", "sampling": "10", "flow_key": "vlanId, ipVersion", "elements": "[full]",
		"biflow": "initiator", "tls.ca": "a.pem", "file.keep": "3", "virtual_obs_id": "\"x\"", "cache_idle_timeout": "5s", "rule_attribution": "yes",
	} {
		f.Add(key, value)
	}
	c, err := Parse([]byte("ipfix: {bridge: {targets: ['h:1', 'tls:h:2', 'file:/y']}}"), "x.yaml", Options{CPUs: cores(1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		noFile := func(string) ([]byte, error) { return nil, os.ErrNotExist }
		next, err := SetExporter(c, "x.yaml", "bridge", []Setting{{key, value}}, Options{CPUs: cores(1), ReadFile: noFile, IsDir: func(string) bool { return true }})
		if (next == nil) == (err == nil) {
			t.Fatalf("%v, %v", next, err)
		}
		if err != nil {
			return
		}
		if d := Diff(c, next); len(d) > 1 || len(d) == 1 && d[0].Path != "ipfix.bridge."+key {
			t.Errorf("%s %q changes %v", key, value, d)
		}
	})
}
