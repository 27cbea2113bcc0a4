package pipeline

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pollux/actions"
	"pollux/ofp/ofperr"
)

// withQueues gives port 2 queues 0 and 1, and port 3 queue 1.
func withQueues(c *Config) {
	c.Ports[1].Queues = NewQueues([]Queue{{ID: 1, MaxRate: 8000}, {ID: 0}})
	c.Ports[2].Queues = NewQueues([]Queue{{ID: 1, MaxRate: 16000, Burst: 100}})
}

// TestWhichQueue is by which queue each way to output sends.
func TestWhichQueue(t *testing.T) {
	for _, c := range []struct{ name, flow, want string }{
		{"no queue is set", "actions=2,3,4", "queue(0),2,3,4"},
		{"one is set", "actions=set_queue:1,2,3,4", "queue(1),2,queue(1),3,4"},
		{"one that the ports do not have", "actions=set_queue:9,2,3,4", "queue(0),2,3,4"},
		{"it is set no more", "actions=set_queue:1,2,pop_queue,2,3", "queue(1),2,queue(0),2,3"},
		{"enqueue is for one output", "actions=set_queue:1,enqueue:3:7,2", "3,queue(1),2"},
		{"enqueue, the other spelling", "actions=enqueue(3,1),3", "queue(1),3,3"},
		{"enqueue to no port", "actions=enqueue:77:1,3", "3"},
		{"enqueue to the input port", "actions=enqueue:1:1,3", "3"},
		{"enqueue where it came in", "actions=enqueue:in_port:1", "1"},
		{"what a clone sets", "actions=clone(set_queue:1,3),3", "queue(1),3,3"},
		{"flooded", "actions=set_queue:1,flood", "queue(1),2,queue(1),3,4"},
		{"NORMAL", "actions=set_queue:1,NORMAL", "queue(1),2,queue(1),3,4"},
		{"part of the packet", "actions=set_queue:1,output(port=3,max_len=60)", "trunc(60),queue(1),3"},
		{"across tables", "actions=set_queue:1,resubmit(,1)", "queue(1),3"},
		{"the action set", "actions=write_actions(output:3,set_queue:1)", "queue(1),3"},
		{"in the action set of what was applied", "actions=set_queue:1,write_actions(output:3)", "queue(1),3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testState(t, "in_port=1 "+c.flow+"\ntable=1 actions=3", withQueues)
			p := programOf(t, s, "in_port=1,dl_src=02:00:00:00:00:08")
			if p.String() != c.want {
				t.Errorf("%s, want %s", p, c.want)
			}
			for i := range p.Ops {
				if op := &p.Ops[i]; op.Code == actions.OpOutput && op.V.Hi != 0 {
					if got, want := p.Queues[op.V.Hi-1], s.Snapshot().ports.get(op.B).Queues.find(uint32(op.M.Lo)).run; got != want {
						t.Errorf("op %d asks another queue than that of its port", i)
					}
				}
			}
		})
	}
}

// TestGroupsKeepTheQueue: buckets send by the queue that was set before, and what a bucket
// sets is for the bucket.
func TestGroupsKeepTheQueue(t *testing.T) {
	s := testState(t, "", withQueues)
	buckets := []Bucket{{WatchPort: AnyPort, WatchGroup: AnyGroup, Actions: []Action{{Kind: ActSetQueue, Queue: 1}, {Kind: ActOutput, Port: 3}}},
		{ID: 1, WatchPort: AnyPort, WatchGroup: AnyGroup, Actions: []Action{{Kind: ActOutput, Port: 2}}}}
	if err := s.GroupMod(&GroupMod{GroupAdd, Group{ID: 1, Type: GroupAll, Buckets: buckets}, 0}, nil); err != nil {
		t.Fatal(err)
	}
	for flow, want := range map[string]string{
		"in_port=1 actions=group:1,3":             "queue(1),3,queue(0),2,3",
		"in_port=1 actions=set_queue:1,group:1,3": "queue(1),3,queue(1),2,queue(1),3",
	} {
		if err := s.Replace(flowsOf(t, flow)); err != nil {
			t.Fatal(err)
		}
		if p := programOf(t, s, "in_port=1"); p.String() != want {
			t.Errorf("%s: %s, want %s", flow, p, want)
		}
	}
}

func flowsOf(t *testing.T, text string) []Flow {
	t.Helper()
	list, err := ParseFlows(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestQueuesOverChanges: a queue that stays is the same for the loops, one of another rate
// goes on with its counters, one that is gone comes back with none.
func TestQueuesOverChanges(t *testing.T) {
	now := int64(5e9)
	s := testState(t, "in_port=1 actions=enqueue:2:1", withQueues, func(c *Config) { c.Now = func() int64 { return now } })
	var told []PortChange
	s.OnPortChange(func(c PortChange) { told = append(told, c) })
	queue := func() *actions.Queue { return programOf(t, s, "in_port=1").Queues[0] }
	apply := func(change func(p []Port)) {
		t.Helper()
		ports := slices.Clone(s.Snapshot().Ports())
		change(ports)
		if err := s.Apply(Change{Ports: ports}); err != nil {
			t.Fatal(err)
		}
	}
	stats := func() QueueStats {
		t.Helper()
		st, err := s.QueueStats(2, 1)
		if err != nil {
			t.Fatal(err)
		}
		return st[0]
	}
	first := queue()
	first.Sent.Packets.Add(7)
	first.Sent.Bytes.Add(700)
	first.Beyond.Packets.Add(3)
	now += 2e9
	if want := (QueueStats{2, Queue{ID: 1, MaxRate: 8000}, 7, 700, 3, 2e9}); stats() != want {
		t.Errorf("%+v, want %+v", stats(), want)
	}
	apply(func(p []Port) { p[1].Queues = NewQueues([]Queue{{ID: 0}, {ID: 1, MaxRate: 8000}}) })
	if queue() != first {
		t.Error("written anew, the same queue is another")
	}
	apply(func(p []Port) { p[1].Queues = NewQueues([]Queue{{ID: 1, MaxRate: 9000}}) })
	if q := queue(); q == first {
		t.Error("the rate is the old one")
	}
	now += 1e9
	if want := (QueueStats{2, Queue{ID: 1, MaxRate: 9000}, 7, 700, 3, 3e9}); stats() != want {
		t.Errorf("%+v, want %+v", stats(), want)
	}
	if err := s.SetPortUp(2, false); err != nil {
		t.Fatal(err)
	}
	if stats().Packets != 7 {
		t.Error("a port that goes down loses its counters")
	}
	if len(told) != 1 || told[0].Kind != PortModified {
		t.Errorf("controllers are told %d times, want once, of the port that went down", len(told))
	}
	if err := s.SetPortUp(2, true); err != nil {
		t.Fatal(err)
	}
	apply(func(p []Port) { p[1].Queues = nil })
	if p := programOf(t, s, "in_port=1"); p.String() != "2" {
		t.Errorf("%s, want 2", p)
	}
	apply(func(p []Port) { p[1].Queues = NewQueues([]Queue{{ID: 1, MaxRate: 9000}}) })
	if want := (QueueStats{2, Queue{ID: 1, MaxRate: 9000}, 0, 0, 0, 0}); stats() != want {
		t.Errorf("%+v, want %+v", stats(), want)
	}
}

func TestQueueStatsOf(t *testing.T) {
	s := testState(t, "", withQueues)
	for _, c := range []struct {
		port, queue uint32
		want        [][2]uint32 // port and queue
		err         ofperr.Error
	}{
		{AnyPort, AllQueues, [][2]uint32{{2, 0}, {2, 1}, {3, 1}}, 0},
		{AnyPort, 1, [][2]uint32{{2, 1}, {3, 1}}, 0},
		{2, AllQueues, [][2]uint32{{2, 0}, {2, 1}}, 0},
		{3, 1, [][2]uint32{{3, 1}}, 0},
		{4, AllQueues, nil, 0},
		{3, 0, nil, ofperr.QueueUnknown},
		{4, 0, nil, ofperr.QueueUnknown},
		{AnyPort, 5, nil, ofperr.QueueUnknown},
		{9, AllQueues, nil, ofperr.QueueBadPort},
		{9, 1, nil, ofperr.QueueBadPort},
	} {
		st, err := s.QueueStats(c.port, c.queue)
		var got [][2]uint32
		for _, q := range st {
			got = append(got, [2]uint32{q.Port, q.Queue.ID})
		}
		if !slices.Equal(got, c.want) || c.err == 0 && err != nil || c.err != 0 && !errors.Is(err, c.err) {
			t.Errorf("port %#x, queue %#x: %v, %v; want %v, %v", c.port, c.queue, got, err, c.want, c.err)
		}
	}
}

func TestQueuesThatNoPortCanHave(t *testing.T) {
	for want, list := range map[string][]Queue{
		"two queues 3": {{ID: 3}, {ID: 1}, {ID: 3}}, "stands for all": {{ID: AllQueues}},
	} {
		_, err := New(Config{Ports: []Port{{OFPort: 1, Name: "p1", Queues: NewQueues(list)}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", list, err, want)
		}
	}
}
