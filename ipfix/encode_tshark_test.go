package ipfix

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// messagesOf returns messages with all templates and options of a schema, and of n
// records.
func messagesOf(t testing.TB, c ExporterConfig, records []record) [][]byte {
	t.Helper()
	sc := schemaOf(t, c)
	var out [][]byte
	seq := uint32(0)
	m := newMessage(1452, 7)
	flush := func() {
		if m.empty() {
			return
		}
		out = append(out, append([]byte(nil), m.finish(1_700_000_000, seq)...))
		seq += m.records
		m.reset()
	}
	for i := range records {
		sc.of(&records[i]) // makes templates
	}
	for _, tpl := range sc.all() {
		if !m.addTemplate(tpl) {
			flush()
			m.addTemplate(tpl)
		}
	}
	emit := func(tpl *Template, s *source) { addOrFlush(t, m, tpl, s, flush) }
	sc.eachStatistic(options{sampling: 1}, epoch, emit)
	sc.eachOption(emit)
	sc.eachNew(mark{selectors: len(sc.selectors)}, nil, emit)
	for i := range records {
		emit(sc.of(&records[i]), &source{rec: &records[i], epoch: epoch})
	}
	flush()
	return out
}

// TestTsharkReadsAllElements: tshark dissects all that records and options may have;
// nothing is malformed, IANA's elements are all known to it, and what it reads of the
// packets adds up, those of the reverse direction apart. It takes templates of more than
// 60 fields when it is told to.
func TestTsharkReadsAllElements(t *testing.T) {
	tshark := need(t, "tshark", "tshark")
	rnd := rand.New(rand.NewPCG(1, 2))
	var records []record
	var packets, reverse uint64
	for range 60 {
		r := randomRecord(rnd)
		records = append(records, r)
		packets += r.Packets
		if r.Biflow {
			reverse += r.Rev.Packets
		}
	}
	file := filepath.Join(t.TempDir(), "all.pcap")
	if err := os.WriteFile(file, pcapOf(messagesOf(t, testConfigs()["everything"], records)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-r", file, "-d", "udp.port==4739,cflow", "-o", "cflow.max_template_fields:0", "-V").Output()
	if err != nil {
		t.Fatalf("tshark: %v: %.500s", err, out)
	}
	var forward, back uint64
	for _, line := range strings.Split(string(out), "\n") {
		for _, bad := range []string{"Malformed", "Expert Info", "no template found", "Unassigned"} {
			if strings.Contains(line, bad) {
				t.Fatalf("tshark says %q", strings.TrimSpace(line))
			}
		}
		if strings.Contains(line, "Type: Unknown") && !strings.Contains(line, "pen:") {
			t.Errorf("tshark does not know %q", strings.TrimSpace(line))
		}
		v, ok := strings.CutPrefix(strings.TrimSpace(line), "Packets: ")
		if !ok {
			continue
		}
		sum := &forward
		if number, other, ok := strings.Cut(v, " "); ok && strings.Contains(other, "Reverse") {
			v, sum = number, &back
		}
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		*sum += n
	}
	if forward != packets || back != reverse {
		t.Errorf("tshark read %d packets and %d of the reverse direction, want %d and %d", forward, back, packets, reverse)
	}
}
