package vswitch

import (
	"testing"

	"pollux/internal/mixed"
	"pollux/internal/mixed/peers"
	"pollux/ipfix/collector"
)

// soon has flows leave the caches little by little while traffic flows, as they do on a
// longer day, so that no burst of records overruns a collector's socket at the end.
const soon = `    cache_idle_timeout: 1s
    cache_active_timeout: 2s
    template_interval: 5s
`

// TestCollectorsAgree: 20,000 flows of uneven sizes and of all kinds come in by two
// loops. nfdump, nfacctd, tshark and goflow2's decoder, each with records of its own
// from the same exporter, say of every flow what was sent, to the packet and the byte.
func TestCollectorsAgree(t *testing.T) {
	peers.Need(t, "tshark", "tshark")
	nfcapd := peers.StartNfcapd(t, t.TempDir(), peers.FreePort(t))
	nfacctd := peers.StartNfacctd(t, t.TempDir(), peers.FreePort(t))
	capture := peers.StartCapture(t)
	ours, err := collector.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()

	r := newIPFIXRig(t, mixed.Config{Seed: 1, Split: 0.1})
	r.exporter([]string{nfcapd.Addr(), nfacctd.Addr(), capture.Addr(), ours.Addr()}, soon)
	r.run()
	r.played()
	r.idle()
	r.stop()
	ours.Wait(r.total.Packets, 0)
	nfcapd.Stop()
	nfacctd.Stop()
	messages := capture.Stop()
	t.Logf("%d flows, %+v, %d messages", len(r.traffic.Flows), r.total, len(messages))

	t.Run("nfdump", func(t *testing.T) {
		if d := peers.View(peers.NfdumpView).Truth(r.traffic).Diff(nfcapd.Report(t)); d != "" {
			t.Error(d)
		}
	})
	t.Run("nfacctd", func(t *testing.T) {
		if d := peers.View(peers.NfacctdView).Truth(r.traffic).Diff(nfacctd.Report(t)); d != "" {
			t.Error(d)
		}
		if log := nfacctd.Log(t); log != "" {
			t.Errorf("nfacctd complains:\n%s", log)
		}
	})
	t.Run("tshark", func(t *testing.T) {
		text := peers.Tshark(t, messages)
		if c := peers.Complaints(text); len(c) > 0 {
			t.Errorf("tshark complains %d times, as in %q", len(c), c[0])
		}
		if d := peers.View(peers.TsharkView).Truth(r.traffic).Diff(peers.TsharkReport(t, text)); d != "" {
			t.Error(d)
		}
	})
	t.Run("goflow2", func(t *testing.T) {
		if s := ours.Totals(); s.Errors != 0 || s.Missing != 0 {
			t.Errorf("errors %d (%s), missing %d", s.Errors, s.LastError, s.Missing)
		}
		if d := peers.View(goflowView).Truth(r.traffic).Diff(goflowReport(ours)); d != "" {
			t.Error(d)
		}
	})
}
