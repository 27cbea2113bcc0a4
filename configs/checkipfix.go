package configs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"pollux/ipfix"
)

func (c *checker) checkIPFIX() {
	c.checkExporter("ipfix.bridge", &c.c.IPFIX.Bridge)
	first := map[uint32]string{}
	if n := len(c.c.IPFIX.Sets); n > MaxExporters-1 {
		c.errorf("ipfix.sets", "%d sets are more than the %d that a switch can have beside the bridge's exporter", n, MaxExporters-1)
	}
	for i := range c.c.IPFIX.Sets {
		s := &c.c.IPFIX.Sets[i]
		path := fmt.Sprintf("ipfix.sets[%d]", i)
		c.checkExporter(path, &s.Exporter)
		if c.bad[path] || c.bad[path+".id"] {
			continue
		}
		if other, dup := first[s.ID]; dup {
			c.errorf(path+".id", "collector set %d is already in line %d; each needs an id of its own", s.ID, c.line(other))
			continue
		}
		first[s.ID] = path + ".id"
	}
	c.checkFiles()
}

// checkFiles refuses a file that two exporters would write.
func (c *checker) checkFiles() {
	first := map[string]string{}
	check := func(path string, e *Exporter) {
		for i, t := range e.Targets {
			kind, rest := splitTarget(t)
			if kind != "file" || rest == "" {
				continue
			}
			at := fmt.Sprintf("%s.targets[%d]", path, i)
			other, dup := first[filepath.Clean(rest)]
			switch {
			case !dup:
				first[filepath.Clean(rest)] = at
			case !strings.HasPrefix(other, path+"."): // within one it has been said
				c.errorf(at, "%s is written by %s already; two exporters need two files", rest, other)
			}
		}
	}
	check("ipfix.bridge", &c.c.IPFIX.Bridge)
	for i := range c.c.IPFIX.Sets {
		check(fmt.Sprintf("ipfix.sets[%d]", i), &c.c.IPFIX.Sets[i].Exporter)
	}
}

func (c *checker) checkExporter(path string, e *Exporter) {
	if !c.given(path) || c.bad[path] {
		return
	}
	c.checkTargets(path, e)
	if path == "ipfix.bridge" && !e.EnableInputSampling && !e.EnableOutputSampling {
		c.errorf(path+".enable_input_sampling", "neither packets that come in nor those that go out are accounted; set one to true, or remove the block")
	}
	c.checkKey(path+".flow_key", e.FlowKey)
	c.checkElements(path, e)
	c.checkTLS(path, e)
	if c.given(path+".file") && !e.Uses("file") {
		c.errorf(path+".file", "no target is a file; add one as in targets: [\"file:/var/lib/pollux/flows.ipfix\"], or remove the block")
	}
}

// splitTarget takes a target apart: its transport and what follows. A host that is
// named like a transport and has a port is told from one by the port's digits.
func splitTarget(t string) (transport, rest string) {
	kind, rest, ok := strings.Cut(t, ":")
	switch kind {
	case "tcp", "tls", "dtls", "file":
		return kind, rest
	case "udp":
		if _, err := strconv.ParseUint(rest, 10, 16); ok && err != nil {
			return kind, rest
		}
	}
	return "udp", t
}

func (c *checker) checkTargets(path string, e *Exporter) {
	if !e.On() {
		c.errorf(path+".targets", "the exporter has no collector to send to; add one as in targets: [\"127.0.0.1:4739\"], or remove the block")
	}
	first := map[string]int{}
	for i, t := range e.Targets {
		at := fmt.Sprintf("%s.targets[%d]", path, i)
		if c.bad[at] {
			continue
		}
		kind, rest := splitTarget(t)
		if kind == "file" {
			if rest == "" || strings.HasSuffix(rest, "/") || strings.ContainsRune(rest, 0) {
				c.errorf(at, "%q is not file: with the path of a file, as in \"file:/var/lib/pollux/flows.ipfix\"", t)
				continue
			}
			rest = filepath.Clean(rest)
			if dir := filepath.Dir(rest); !c.isDir(dir) {
				c.errorf(at, "there is no directory %s to write %s in; make it first", dir, filepath.Base(rest))
			}
		} else if fault := hostPortFault(rest); fault != "" {
			c.errorf(at, "%q %s", t, fault)
			continue
		}
		key := kind + ":" + rest
		if j, dup := first[key]; dup {
			c.errorf(at, "%s is already target %d; it would receive everything twice", t, j)
		}
		first[key] = i
	}
}

// isDir says whether a directory is there.
func (c *checker) isDir(name string) bool {
	if c.opt.IsDir != nil {
		return c.opt.IsDir(name)
	}
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// hostPortFault says why s is no host's name or address with a port; "" if it is.
func hostPortFault(s string) string {
	host, port, err := net.SplitHostPort(s)
	n, perr := strconv.ParseUint(port, 10, 16)
	kind, _, _ := strings.Cut(s, ":")
	switch {
	case kind == "sctp":
		return "is by SCTP, which is not offered; use tcp:, or udp:"
	case err != nil || host == "" || strings.ContainsAny(host, " \t/"):
		return "is not host:port as in \"127.0.0.1:4739\" or \"[2001:db8::1]:4739\", alone or behind udp:, tcp:, tls: or dtls:, nor file:PATH"
	case perr != nil || n == 0:
		return fmt.Sprintf("has %q for a port, which is not a number from 1 to 65535", port)
	}
	return ""
}

// checkKey checks the words of a flow key.
func (c *checker) checkKey(path string, k FlowKey) {
	if c.bad[path] {
		return
	}
	if len(k) == 0 {
		c.errorf(path, "the list is empty; all packets would be one flow. Write %s, %s, or names of elements", KeyOVS, KeyFiveTuple)
	}
	words, known := []string{KeyOVS, KeyFiveTuple}, keyNames()
	first := map[string]int{}
	for i, name := range k {
		at := path
		if c.given(fmt.Sprintf("%s[%d]", path, i)) {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		switch j, dup := first[name]; {
		case c.bad[at]:
		case slices.Contains(words, name) && len(k) > 1:
			c.errorf(at, "%s is a whole key and can't be one of several; write flow_key: %s, or elements only", name, name)
		case slices.Contains(words, name):
		case !slices.Contains(known, name):
			c.errorf(at, "%q is no element of flow keys%s", name, hint(name, append(words, known...)))
		case dup:
			c.errorf(at, "%s is already entry %d; name it once", name, j)
		}
		first[name] = i
	}
}

// elementNames lists what may stand in a list of elements: groups, and what is of no
// key.
func elementNames() []string {
	names := slices.DeleteFunc(ipfix.ElementNames(), func(n string) bool { return slices.Contains(keyNames(), n) })
	return append([]string{"standard", "full"}, names...)
}

// checkElements checks the names of what records say.
func (c *checker) checkElements(exporter string, e *Exporter) {
	path := exporter + ".elements"
	if c.bad[path] {
		return
	}
	if len(e.Elements) == 0 {
		c.errorf(path, "the list is empty; records say at least something of what packets did. Write [standard], or names of elements")
	}
	known, keys := elementNames(), keyNames()
	first := map[string]int{}
	for i, name := range e.Elements {
		at := fmt.Sprintf("%s[%d]", path, i)
		for _, n := range needsOf(name) {
			if !n.met(e) && !c.bad[exporter+"."+n.key] {
				c.errorf(at, "%s needs %s: %s", name, n.key, n.to)
			}
		}
		switch j, dup := first[name]; {
		case c.bad[at]:
		case slices.Contains(keys, name):
			c.errorf(at, "%s is of the flow key; name it in flow_key", name)
		case !slices.Contains(known, name):
			c.errorf(at, "%q is no element that Pollux has%s", name, hint(name, known))
		case dup:
			c.errorf(at, "%s is already entry %d; name it once", name, j)
		}
		first[name] = i
	}
}

// hint names the word that is most like w.
func hint(w string, words []string) string {
	if near := nearest(w, words); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; known are " + strings.Join(words, ", ")
}

// checkTLS reads the files of TLS, so that what is wrong with them is said here.
func (c *checker) checkTLS(path string, e *Exporter) {
	t := &e.TLS
	path += ".tls"
	if !c.given(path) {
		return
	}
	if !e.Uses("tls") && !e.Uses("dtls") {
		c.errorf(path, "no target is reached by TLS; add one as in targets: [\"tls:collector.example:4740\"], or remove the block")
	}
	if (t.Cert == "") != (t.Key == "") {
		c.errorf(path, "cert and key go together; give both or none")
		return
	}
	if t.CA != "" {
		c.checkCA(path+".ca", t.CA)
	}
	if t.Cert != "" {
		c.checkPair(path+".cert", t.Cert, path+".key", t.Key)
	}
}

// checkCA checks a file of authorities.
func (c *checker) checkCA(path, name string) {
	if pem, ok := c.pem(path, name); ok && !x509.NewCertPool().AppendCertsFromPEM(pem) {
		c.errorf(path, "%s has no certificate in PEM", name)
	}
}

// checkPair checks the files of a certificate and its key.
func (c *checker) checkPair(certPath, certName, keyPath, keyName string) {
	cert, ok := c.pem(certPath, certName)
	key, ok2 := c.pem(keyPath, keyName)
	if !ok || !ok2 {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		c.errorf(certPath, "%s and %s are no pair of certificate and key: %v", certName, keyName, err)
	}
}

// maxPEM is the most bytes that are read of a file of certificates.
const maxPEM = 16 << 20

// pem reads a file of certificates or a key.
func (c *checker) pem(path, name string) (b []byte, ok bool) {
	read := c.opt.ReadFile
	if read == nil {
		read = func(name string) ([]byte, error) { return readFile(name, maxPEM) }
	}
	b, err := read(name)
	if err != nil {
		c.errorf(path, "can't read it: %v", err)
	}
	return b, err == nil
}

// completeTLS has relative paths start at the folder of the configuration.
func (c *checker) completeTLS() {
	dir := filepath.Dir(c.file)
	fix := func(paths ...*string) {
		for _, p := range paths {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(dir, *p)
			}
		}
	}
	fix(&c.c.IPFIX.Bridge.TLS.CA, &c.c.IPFIX.Bridge.TLS.Cert, &c.c.IPFIX.Bridge.TLS.Key)
	for i := range c.c.IPFIX.Sets {
		t := &c.c.IPFIX.Sets[i].TLS
		fix(&t.CA, &t.Cert, &t.Key)
	}
	t := &c.c.Control.TLS
	fix(&t.CA, &t.Certificate, &t.Key)
}
