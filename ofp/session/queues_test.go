package session

import (
	"slices"
	"strings"
	"testing"

	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// queueTables is a bridge whose port 2 has two queues.
func queueTables(t *testing.T) *pipeline.State {
	t.Helper()
	s, err := pipeline.New(pipeline.Config{Name: "br0", Ports: []pipeline.Port{
		{OFPort: 1, Name: "up0", Up: true},
		{OFPort: 2, Name: "up1", Up: true, Queues: pipeline.NewQueues([]pipeline.Queue{{ID: 0, MaxRate: 125_000_000}, {ID: 5}})},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestQueuesAreTold: ovs-ofctl asks what queues there are and what they have counted.
func TestQueuesAreTold(t *testing.T) {
	b := box()
	b.features.Ports[1].Speed = 1_000_000 // 1 Gbit/s
	sock := serveUnix(t, Config{Switch: b, Tables: queueTables(t)})
	rate := map[string]string{"OpenFlow10": "", "OpenFlow13": " max_rate:12.5%", "OpenFlow14": " max_rate:12.5%", "OpenFlow15": " max_rate:12.5%"}
	for _, v := range []string{"OpenFlow10", "OpenFlow13", "OpenFlow14", "OpenFlow15"} {
		for _, c := range []struct {
			args string
			want []string
		}{
			{"queue-stats BR", []string{"2 queues", "port 2 queue 0: bytes=0, pkts=0, errors=0", "port 2 queue 5: bytes=0"}},
			{"queue-stats BR 2", []string{"2 queues"}},
			{"queue-stats BR 2 5", []string{"1 queues", "port 2 queue 5"}},
			{"queue-stats BR ALL 0", []string{"1 queues", "port 2 queue 0"}},
			{"queue-stats BR 1", []string{"0 queues"}},
			{"queue-stats BR 2 7", []string{"OFPQOFC_BAD_QUEUE"}},
			{"queue-stats BR 9", []string{"OFPQOFC_BAD_PORT"}},
			{"queue-get-config BR 2", []string{"queue 0:" + rate[v], "queue 5:"}},
			{"queue-get-config BR 9", []string{"OFPQOFC_BAD_PORT"}},
		} {
			got := ofctl(t, append([]string{"-O", v}, strings.Fields(strings.ReplaceAll(c.args, "BR", "unix:"+sock))...)...)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s, %s:\n%s\nwant %q", v, c.args, got, want)
				}
			}
		}
	}
	for _, v := range []string{"OpenFlow14", "OpenFlow15"} {
		got := ofctl(t, "-O", v, "queue-get-config", "unix:"+sock, "2", "5")
		if !strings.Contains(got, "queue 5:") || strings.Contains(got, "queue 0:") {
			t.Errorf("%s, one queue:\n%s", v, got)
		}
		if got = ofctl(t, "-O", v, "queue-get-config", "unix:"+sock, "2", "7"); !strings.Contains(got, "OFPQOFC_BAD_QUEUE") {
			t.Errorf("%s, a queue that is not there:\n%s", v, got)
		}
	}
}

// TestSharesOfSpeed: a queue's rate is told in tenths of a percent of a speed that is known.
func TestSharesOfSpeed(t *testing.T) {
	b := box()
	s := &session{cfg: &Config{Switch: b}}
	queue := func(rate uint64) pipeline.QueueStats {
		return pipeline.QueueStats{Port: 2, Queue: pipeline.Queue{MaxRate: rate}}
	}
	list := []pipeline.QueueStats{queue(0), queue(1e9), queue(1e6), queue(499e3), queue(500e3), queue(2e9)}
	rates := func() (out []uint16) {
		for _, q := range s.queueConfigs(list) {
			out = append(out, q.MaxRate)
		}
		return out
	}
	none := wire.NoQueueRate
	if got, want := rates(), []uint16{none, none, none, none, none, none}; !slices.Equal(got, want) {
		t.Errorf("without a speed: %d, want %d", got, want)
	}
	b.features.Ports[1].Speed = 1_000_000
	if got, want := rates(), []uint16{none, 1000, 1, 0, 1, none}; !slices.Equal(got, want) {
		t.Errorf("%d, want %d", got, want)
	}
}
