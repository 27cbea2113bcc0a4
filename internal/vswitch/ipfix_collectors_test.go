package vswitch

import (
	"path/filepath"
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
// loops. nfdump, nfacctd, tshark, libfixbuf and goflow2's decoder, over UDP, TCP, TLS
// and by a file, all at once from one exporter, say of every flow what was sent, to the
// packet and the byte.
func TestCollectorsAgree(t *testing.T) {
	t.Parallel()
	peers.Need(t, "tshark", "tshark")
	nfcapd := peers.StartNfcapd(t, t.TempDir(), peers.FreePort(t))
	nfacctd := peers.StartNfacctd(t, t.TempDir(), peers.FreePort(t))
	capture := peers.StartCapture(t)
	session := peers.ListenFixbuf(t)
	udp, err := collector.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	server, authority := peers.Certificate(t)
	secure, err := collector.ListenTLS("127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer secure.Close()
	file := filepath.Join(t.TempDir(), "flows.ipfix")

	r := newIPFIXRig(t, mixed.Config{Seed: 1, Split: 0.1})
	r.exporter([]string{
		nfcapd.Addr(), nfacctd.Addr(), capture.Addr(), udp.Addr(), "tcp:" + session.Addr(), "tls:" + secure.Addr(), "file:" + file,
	}, soon+"    tls: {ca: "+authority+"}\n")
	r.run()
	r.played()
	r.idle()
	r.equation()
	r.stop()
	messages := capture.Stop()
	t.Logf("%d flows, %+v, %d messages", len(r.traffic.Flows), r.total, len(messages))

	agree := func(name string, view peers.View, report func(*testing.T) peers.Report) {
		t.Run(name, func(t *testing.T) {
			if d := view.Truth(r.traffic).Diff(report(t)); d != "" {
				t.Error(d)
			}
		})
	}
	agree("nfdump", peers.NfdumpView, func(t *testing.T) peers.Report {
		nfcapd.Stop()
		return nfcapd.Report(t)
	})
	agree("nfacctd", peers.NfacctdView, func(t *testing.T) peers.Report {
		nfacctd.Stop()
		if log := nfacctd.Log(t); log != "" {
			t.Errorf("nfacctd complains:\n%s", log)
		}
		return nfacctd.Report(t)
	})
	agree("tshark", peers.TsharkView, func(t *testing.T) peers.Report {
		text := peers.Tshark(t, messages)
		if c := peers.Complaints(text); len(c) > 0 {
			t.Errorf("tshark complains %d times, as in %q", len(c), c[0])
		}
		return peers.TsharkReport(t, text)
	})
	agree("libfixbuf of the TCP session", peers.FixbufView, func(t *testing.T) peers.Report { return peers.FixbufReport(t, session.Text(t)) })
	agree("libfixbuf of the file", peers.FixbufView, func(t *testing.T) peers.Report { return peers.FixbufReport(t, peers.FixbufFile(t, file)) })
	for name, c := range map[string]*collector.Collector{"goflow2 over UDP": udp, "goflow2 over TLS": secure} {
		agree(name, goflowView, func(t *testing.T) peers.Report {
			c.Wait(r.total.Packets, patience)
			if s := c.Totals(); s.Errors != 0 || s.Missing != 0 {
				t.Errorf("errors %d (%s), missing %d", s.Errors, s.LastError, s.Missing)
			}
			return goflowReport(c)
		})
	}
	agree("goflow2 of the file", goflowView, func(t *testing.T) peers.Report {
		c, err := collector.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return goflowReport(c)
	})
}
