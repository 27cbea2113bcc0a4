package ipfix

import (
	"testing"

	"pollux/internal/mixed/peers"
	"pollux/ipfix/cache"
)

// TestNfdumpAgrees sends the records of two loops to a real nfcapd and compares
// what nfdump reads with what was sent, flow by flow.
func TestNfdumpAgrees(t *testing.T) {
	nfcapd := peers.StartNfcapd(t, t.TempDir(), peers.FreePort(t))
	l := newLab(cache.Config{MaxFlows: 8192}, 2)
	_, stop := runExporter(t, ExporterConfig{
		Targets: []string{nfcapd.Addr()}, Epoch: epoch, MessageRate: 2000, DrainTimeout: patience,
	}, l.caches)
	all := specs(2000, 8)
	l.send(0, cache.Point{Domain: 1, ID: 2}, all[:len(all)/2])
	l.send(1, cache.Point{Domain: 1, ID: 2}, all[len(all)/2:])
	l.flush(t)
	s := stop()
	checkSum(t, s)
	if s.Collectors[0].Errors != 0 {
		t.Fatalf("nfcapd did not take the messages: %+v", s.Collectors[0])
	}
	nfcapd.Stop()
	if d := l.truth(peers.NfdumpView).Diff(nfcapd.Report(t)); d != "" {
		t.Error(d)
	}
}
