package configs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pollux/flow"
	"pollux/ipfix"
	"pollux/ipfix/cache"
)

// TestFlowKeyMask: each word and each element makes the mask that the fields make.
func TestFlowKeyMask(t *testing.T) {
	mask := func(fields ...flow.Field) *flow.Mask {
		m := new(flow.Mask)
		for _, f := range fields {
			f.OrMask(m, f.Full())
		}
		return m
	}
	vid := new(flow.Mask)
	flow.VlanTCI.OrMask(vid, flow.Value{Lo: 0x1fff})
	for _, tc := range []struct {
		yaml string
		want *flow.Mask
	}{
		{"ovs", cache.OVSKey()},
		{"five-tuple", mask(flow.IPProto, flow.IPv4Src, flow.IPv4Dst, flow.IPv6Src, flow.IPv6Dst, flow.UDPSrc, flow.UDPDst)},
		{"[flowDirection, egressInterface]", mask()},
		{"[sourceIPv4Address]", mask(flow.IPv4Src)},
		{"[ingressInterface, ethernetType, ipClassOfService]", mask(flow.InPort, flow.EthType, flow.IPTOS)},
		{"[vlanId]", vid},
		{"[dot1qVlanId, dot1qPriority]", mask(flow.VlanTCI)},
		{"[icmpTypeCodeIPv6]", mask(flow.ICMPv6Type, flow.ICMPv6Code, flow.TCPSrc, flow.TCPDst)},
	} {
		c, err := Parse([]byte("ports: []\nipfix: {bridge: {targets: ['h:1'], flow_key: "+tc.yaml+"}}\n"), "x.yaml", Options{CPUs: cores(1)})
		if err != nil {
			t.Errorf("%s: %v", tc.yaml, err)
			continue
		}
		if got := c.IPFIX.Bridge.FlowKey.Mask(); *got != *tc.want {
			t.Errorf("%s: %v, want %v", tc.yaml, got.W, tc.want.W)
		}
	}
	for _, e := range keyElements {
		if m := (FlowKey{e.name}).Mask(); (*m == flow.Mask{}) != (len(e.fields) == 0) {
			t.Errorf("%s: mask %v of fields %v", e.name, m.W, e.fields)
		}
	}
}

// selfSigned writes a certificate and its key into dir.
func selfSigned(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"collector"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"c.pem": {Type: "CERTIFICATE", Bytes: der}, "k.pem": {Type: "EC PRIVATE KEY", Bytes: k}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTLSFiles: paths start at the configuration's folder, and what the files hold is
// looked at.
func TestTLSFiles(t *testing.T) {
	dir := t.TempDir()
	selfSigned(t, dir)
	for _, tc := range []struct{ tls, want string }{
		{"{ca: c.pem, cert: c.pem, key: k.pem}", ""},
		{"{ca: " + dir + "/c.pem}", ""},
		{"{ca: k.pem}", "x.yaml:1:59: ipfix.bridge.tls.ca: " + dir + "/k.pem has no certificate in PEM"},
		{"{cert: k.pem, key: c.pem}", "x.yaml:1:61: ipfix.bridge.tls.cert: " + dir + "/k.pem and " + dir + "/c.pem are no pair of certificate and key: "},
		{"{key: k.pem}", "x.yaml:1:54: ipfix.bridge.tls: cert and key go together; give both or none"},
	} {
		c, err := Parse([]byte("ipfix: {bridge: {targets: ['tls:h:1', 'h:1'],   tls: "+tc.tls+"}}"), filepath.Join(dir, "x.yaml"), Options{CPUs: cores(1)})
		switch {
		case tc.want == "" && err != nil, tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v, want %s", tc.tls, err, tc.want)
		case err == nil && c.IPFIX.Bridge.TLS.CA != dir+"/c.pem":
			t.Errorf("%s: ca is %s", tc.tls, c.IPFIX.Bridge.TLS.CA)
		}
	}
}

// TestSetExporter: one key changes, all else stays, and what is wrong is said.
func TestSetExporter(t *testing.T) {
	c, err := Parse([]byte("ipfix: {bridge: {targets: ['h:1']}, sets: [{id: 7, targets: ['h:2']}]}"), "x.yaml", Options{CPUs: cores(1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ exporter, key, value, want string }{
		{"bridge", "sampling", "100", "ipfix.bridge.sampling: 1 → 100"},
		{"bridge", "cache_active_timeout", "5", `ipfix.bridge.cache_active_timeout: "1m" → "5s"`},
		{"bridge", "flow_key", "five-tuple", `ipfix.bridge.flow_key: ["ovs"] → ["five-tuple"]`},
		{"bridge", "flow_key", "vlanId,ipVersion", `ipfix.bridge.flow_key: ["ovs"] → ["vlanId","ipVersion"]`},
		{"7", "targets", "h:2, tcp:127.0.0.1:5", `ipfix.sets[7].targets: ["h:2"] → ["h:2","tcp:127.0.0.1:5"]`},
		{"7", "targets", "['h:3']", `ipfix.sets[7].targets: ["h:2"] → ["h:3"]`},
		{"7", "biflow", "initiator", `ipfix.sets[7].biflow: "off" → "initiator"`},
		{"7", "tcp_qos", "true", `ipfix.sets[7].tcp_qos: false → true`},

		{"7", "virtual_obs_id", "123", `ipfix.sets[7].virtual_obs_id: "" → "123"`},
		{"7", "virtual_obs_id", " a: b # [", `ipfix.sets[7].virtual_obs_id: "" → " a: b # ["`},
		{"7", "virtual_obs_id", "'null'", `ipfix.sets[7].virtual_obs_id: "" → "null"`},
		{"7", "virtual_obs_id", "", ``},

		{"7", "sampling", "", "ipfix.sets[0].sampling: the value is empty"},
		{"7", "targets", "", "ipfix.sets[0].targets: the exporter has no collector"},
		{"7", "sampling", "1\n---\n2", "ipfix.sets[0].sampling: \"1\\n---\\n2\" can't be read: a second document"},
		{"8", "sampling", "1", `"8" is no exporter; there are bridge, 7`},
		{"7", "samplng", "1", `unknown key "samplng" in ipfix.sets[0]; did you mean sampling?`},
		{"7", "tls", "{}", "ipfix.sets[0].tls is a block; change one of its keys, as in tls.ca"},
		{"7", "mtu.x", "1", "ipfix.sets[0].mtu has no keys of its own"},
		{"7", "sampling", "0", "ipfix.sets[0].sampling: 0 is not from 1 to 4294967295"},
		{"7", "sampling", "[", "ipfix.sets[0].sampling: \"[\" can't be read: not YAML"},
		{"7", "targets", "[]", "ipfix.sets[0].targets: the exporter has no collector"},
		{"7", "targets", "h:1, h", "ipfix.sets[0].targets[1]: \"h\" is not host:port"},
		{"7", "tls.ca", "x", "ipfix.sets[0].tls: no target is reached by TLS"},
		{"bridge", "enable_input_sampling", "maybe", "ipfix.bridge.enable_input_sampling is text where true or false belongs"},
		{"7", "obs_domain_id", "5", "obs_domain_id is no key of ipfix.sets[0]: each sample action"},
		{"7", "elements", "standard,ruleTable", "ipfix.sets[0].elements[1]: ruleTable needs rule_attribution: true"},
	} {
		next, err := SetExporter(c, "x.yaml", tc.exporter, []Setting{{tc.key, tc.value}}, Options{CPUs: cores(1)})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			for _, d := range Diff(c, next) {
				got += d.String()
			}
		}
		if !strings.HasPrefix(got, tc.want) || err == nil && got != tc.want {
			t.Errorf("%s %s %s:\ngot  %s\nwant %s", tc.exporter, tc.key, tc.value, got, tc.want)
		}
	}
	var es Errors
	_, err = SetExporter(c, "x.yaml", "7", []Setting{{"sampling", "0"}, {"mtu", "1"}}, Options{CPUs: cores(1)})
	if !errors.As(err, &es) || len(es) != 2 || es[0].Line != 0 || strings.Contains(err.Error(), "|") {
		t.Errorf("two wrong values: %v", err)
	}
	if c.IPFIX.Bridge.Sampling != 1 || c.IPFIX.Sets[0].Targets[0] != "h:2" {
		t.Error("the configuration itself has changed")
	}
}

// TestElementNames: what may be named is what exporters know, and each name is of keys
// or of elements, never of both.
func TestElementNames(t *testing.T) {
	keys := keyNames()
	for _, name := range keys {
		if !slices.Contains(ipfix.ElementNames(), name) {
			t.Errorf("%s may be in keys, and no record has it", name)
		}
	}
	for _, name := range elementNames() {
		if slices.Contains(keys, name) {
			t.Errorf("%s is of keys and of elements", name)
		}
		for _, key := range []FlowKey{{KeyOVS}, {KeyFiveTuple}, {"vlanId"}} {
			c := ipfix.ExporterConfig{Targets: []string{"127.0.0.1:1"}, Elements: []string{name}, FlowKey: key.Mask()}
			if _, err := ipfix.New(c, nil); err != nil {
				t.Errorf("%s with key %v: %v", name, key, err)
			}
		}
	}
}

// TestSetTogether: what only goes together is set together.
func TestSetTogether(t *testing.T) {
	dir := t.TempDir()
	selfSigned(t, dir)
	file := filepath.Join(dir, "x.yaml")
	c, err := Parse([]byte("ipfix: {bridge: {targets: ['tls:h:1']}}"), file, Options{CPUs: cores(1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		set  []Setting
		want string
	}{
		{[]Setting{{"tls.cert", "c.pem"}, {"tls.key", "k.pem"}}, ""},
		{[]Setting{{"elements", "standard,ruleTable"}, {"rule_attribution", "true"}}, ""},
		{[]Setting{{"tls.cert", "c.pem"}}, "ipfix.bridge.tls: cert and key go together; give both or none"},
		{[]Setting{{"mtu", "1400"}, {"mtu", "1300"}}, "ipfix.bridge.mtu is given twice; give it one value"},
	} {
		next, err := SetExporter(c, file, "bridge", tc.set, Options{CPUs: cores(1)})
		if got := fmt.Sprint(err); got != tc.want && (tc.want != "" || err != nil) {
			t.Errorf("%v: %v, want %s", tc.set, err, tc.want)
		}
		if err == nil && tc.set[0].Key == "tls.cert" && next.IPFIX.Bridge.TLS.Key != filepath.Join(dir, "k.pem") {
			t.Errorf("key is %s", next.IPFIX.Bridge.TLS.Key)
		}
	}
}
