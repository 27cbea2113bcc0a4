package peers

import (
	"encoding/csv"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pollux/internal/mixed"
)

// Nfacctd is the collector of pmacct (written for 1.7).
type Nfacctd struct {
	*process
	dir string
}

// nfacctdConfig has it print a table of everything when it ends, without losing
// anything on the way there.
const nfacctdConfig = `daemonize: false
nfacctd_ip: 127.0.0.1
nfacctd_port: %d
nfacctd_pipe_size: 8000000
plugin_pipe_size: 50000000
plugin_buffer_size: 50000
plugins: print[all]
aggregate[all]: src_mac,dst_mac,vlan,cos,etype,src_host,dst_host,src_port,dst_port,proto,tos
print_output[all]: csv
print_output_file[all]: %s
print_output_file_append[all]: true
print_refresh_time[all]: 3600
print_cache_entries[all]: 65537
print_num_protos[all]: true
logfile: %s
`

// StartNfacctd starts it on a UDP port of loopback, to write into dir.
func StartNfacctd(t testing.TB, dir string, port int) *Nfacctd {
	t.Helper()
	path := Need(t, "nfacctd", "pmacct")
	n := &Nfacctd{dir: dir}
	config := filepath.Join(dir, "nfacctd.conf")
	text := fmt.Sprintf(nfacctdConfig, port, n.table(), filepath.Join(dir, "log"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n.process = start(t, port, path, "-f", config)
	return n
}

func (n *Nfacctd) table() string { return filepath.Join(n.dir, "table.csv") }

// NfacctdView is what nfacctd shows. It does not tell the number of tags, the flow
// label, type and code of ICMP and layer 2 octets, prints 0 for the flags of TCP, and
// keeps nothing of what is no IP.
func NfacctdView(k mixed.Key, c mixed.Counts) (mixed.Key, mixed.Counts, bool) {
	k.Tags, k.Label = 0, 0
	if k.Proto == 1 || k.Proto == 58 {
		k.SrcPort, k.DstPort = 0, 0
	}
	return k, mixed.Counts{Packets: c.Packets, Octets: c.Octets}, k.IsIP()
}

// Stop ends the collector, which writes its table then.
func (n *Nfacctd) Stop() { n.stop(syscall.SIGINT) }

// Log returns what it has to say that is not about itself. Of a set of several options
// templates nfacctd reads the first alone, and calls the rest malformed: it adds the
// number of scope fields to that of fields, which in IPFIX holds them (RFC 7011 section
// 3.4.2.2). That is left out.
func (n *Nfacctd) Log(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "insert_opt_template()") {
			continue
		}
		if strings.Contains(line, "WARN") || strings.Contains(line, "ERROR") || strings.Contains(line, "malformed") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// Report returns what the table says.
func (n *Nfacctd) Report(t testing.TB) Report {
	t.Helper()
	f, err := os.Open(n.table())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("the table of nfacctd: %d rows, %v", len(rows), err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	r := Report{}
	for _, row := range rows[1:] {
		if row[0] == rows[0][0] {
			continue // the head of a table that was appended
		}
		text := func(name string) string {
			i, ok := column[name]
			if !ok {
				t.Fatalf("no column %s in %v", name, rows[0])
			}
			return row[i]
		}
		number := func(name string, base int) uint64 {
			v, err := strconv.ParseUint(text(name), base, 64)
			if err != nil {
				t.Fatalf("%s of %v: %v", name, row, err)
			}
			return v
		}
		src, err1 := netip.ParseAddr(text("SRC_IP"))
		dst, err2 := netip.ParseAddr(text("DST_IP"))
		if err1 != nil || err2 != nil {
			t.Fatalf("addresses of %v", row)
		}
		r.Add(mixed.Key{
			EthSrc: hardware(t, text("SRC_MAC")), EthDst: hardware(t, text("DST_MAC")), EthType: uint16(number("ETYPE", 16)),
			TCI: uint16(number("VLAN", 10) | number("COS", 10)<<13), Src: src, Dst: dst, Proto: uint8(number("PROTOCOL", 10)),
			TOS: uint8(number("TOS", 10)), SrcPort: uint16(number("SRC_PORT", 10)), DstPort: uint16(number("DST_PORT", 10)),
		}, mixed.Counts{Packets: number("PACKETS", 10), Octets: number("BYTES", 10)})
	}
	return r
}
