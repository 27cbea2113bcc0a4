package pipeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pollux/flow"
	"pollux/pmd"
)

// send translates a packet as loops do on a miss, and counts it.
func send(t *testing.T, s *State, in string, now int64) *pmd.Upcall {
	t.Helper()
	return sendIn(t, s, in, now)
}

func sendIn(t fataler, s *State, in string, now int64) *pmd.Upcall {
	k := packetOf(t, s, in)
	u := &pmd.Upcall{Key: k, Thread: 0, Now: now, Commit: true}
	s.Snapshot().Translate(u)
	u.Credit.Credit(1, 60, now)
	return u
}

// texts returns the flows of a table as people write them, sorted.
func texts(s *State, table uint8) (out []string) {
	for _, f := range s.DumpFlows() {
		if f.Table == table {
			out = append(out, f.Flow.Format(nil))
		}
	}
	slices.Sort(out)
	return out
}

// TestSettle: what a packet has the switch learn is there when Settle returns, unless somebody
// changes tables for long: then it is when they are done, and that it was late is counted.
func TestSettle(t *testing.T) {
	s := testState(t, "table=0,tcp actions=learn(table=1,eth_type=0x800,nw_proto=6,tcp_dst=tcp_src),2\ntable=0,udp actions=2")
	if u := send(t, s, "in_port=3,udp,tp_src=1", 1); u.Unsettled {
		t.Error("a packet that learns nothing waits")
	}
	if u := send(t, s, "in_port=3,tcp,tp_src=1", 1); !u.Unsettled {
		t.Error("a packet does not wait for what it learns")
	}
	s.Snapshot().Settle()
	if got := texts(s, 1); len(got) != 1 || s.LearnedLate() != 0 {
		t.Errorf("learned %q, late %d times", got, s.LearnedLate())
	}
	if u := send(t, s, "in_port=3,tcp,tp_src=1", 1); u.Unsettled {
		t.Error("a packet waits for what is there")
	}
	s.mu.Lock()
	send(t, s, "in_port=3,tcp,tp_src=2", 1)
	s.Snapshot().Settle()
	if got := texts(s, 1); len(got) != 1 || s.LearnedLate() != 1 {
		t.Errorf("while tables are changed: learned %q, late %d times", got, s.LearnedLate())
	}
	s.unlock()
	if got := texts(s, 1); len(got) != 2 {
		t.Errorf("when that is done: learned %q", got)
	}
}

// TestLearn is what is learned, of fields and of values, by a packet and not by a trace.
func TestLearn(t *testing.T) {
	s := testState(t, `table=0,tcp actions=load:7->reg1[],learn(table=1,idle_timeout=5,hard_timeout=9,priority=7,cookie=0x5,send_flow_rem,fin_idle_timeout=2,eth_type=0x800,nw_proto=6,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],tcp_dst=tcp_src,NXM_OF_VLAN_TCI[0..11],in_port=reg1[0..15],load:0x3->reg2[0..7],load:eth_src[]->eth_dst[],output:NXM_OF_IN_PORT[]),2`)
	const in = "in_port=3,tcp,dl_src=02:00:00:00:00:01,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1000,tp_dst=80"
	if _, err := s.Snapshot().TraceText(in); err != nil {
		t.Fatal(err)
	}
	s.Tick()
	if got := texts(s, 1); got != nil {
		t.Fatalf("a trace learned %q", got)
	}
	u := send(t, s, in, 1)
	if got := u.Program.String(); got != "2" {
		t.Errorf("program %s", got)
	}
	if got := texts(s, 1); got != nil {
		t.Errorf("learned before Tick: %q", got)
	}
	s.Tick()
	want := "cookie=0x5, table=1, idle_timeout=5, hard_timeout=9, send_flow_rem priority=7,tcp,in_port=7,vlan_tci=0x0000/0x0fff,nw_src=10.0.0.2,tp_dst=1000 actions=fin_timeout(idle_timeout=2),load:0x3->NXM_NX_REG2[0..7],load:0x20000000001->NXM_OF_ETH_DST[],output:3"
	if got := texts(s, 1); len(got) != 1 || got[0] != want {
		t.Errorf("learned %q\nwant   %q", got, want)
	}
	mask := "recirc_id=0,eth,tcp,in_port=3,vlan_tci=0x0000/0x0fff,dl_src=02:00:00:00:00:01,nw_dst=10.0.0.2,nw_frag=no,tp_src=1000"
	if got := FormatMegaflow(u.Key, &u.Mask); got != mask {
		t.Errorf("megaflow %s\nwant     %s", got, mask)
	}
}

// TestLearnedFlowStaysYoung is that packets which would learn a flow again have its hard
// timeout begin anew, whatever decision they are treated by, and that it is learned again
// when it is gone.
func TestLearnedFlowStaysYoung(t *testing.T) {
	var clock int64
	const sec = 1e9
	s := testState(t, "actions=learn(table=1,hard_timeout=10,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),2", func(c *Config) { c.Now = func() int64 { return clock } })
	const in = "in_port=3,dl_src=02:00:00:00:00:01"
	first := send(t, s, in, clock)
	gen := s.Snapshot().Generation()
	s.Tick()
	touched := func(u *pmd.Upcall, gen uint64) bool {
		return s.Snapshot().Changes().Touched(gen, 0, u.Key, &u.Mask, u.Path, u.Credit)
	}
	if !touched(first, gen) {
		t.Error("the decision that learned stands, and does not know the flow")
	}
	u, gen := send(t, s, in, clock), s.Snapshot().Generation()
	for range 5 {
		clock += 6 * sec
		u.Credit.Credit(1, 60, clock)
		s.Tick()
		if len(texts(s, 1)) != 1 {
			t.Fatalf("gone after %d s, with a packet each 6 s", clock/int64(sec))
		}
	}
	if touched(u, gen) {
		t.Error("the decision is to be made again, and nothing has changed")
	}
	clock += 11 * sec
	s.Tick()
	if got := texts(s, 1); got != nil {
		t.Errorf("%q is there after 11 s without packets", got)
	}
	if !touched(u, gen) {
		t.Error("the flow is gone, and the decision that learned it stands")
	}
	send(t, s, in, clock)
	s.Tick()
	if len(texts(s, 1)) != 1 {
		t.Error("not learned again")
	}
}

// standsSince says whether the decision of a snapshot stands.
func standsSince(s *State, gen uint64, u *pmd.Upcall) bool {
	return !s.Snapshot().Changes().Touched(gen, 0, u.Key, &u.Mask, u.Path, u.Credit)
}

// TestLearningTouchesWhoLearnsThat: what one decision has the switch learn is nothing to the
// others that learn into the same table, unless there is no room for all.
func TestLearningTouchesWhoLearnsThat(t *testing.T) {
	s := testState(t, "actions=learn(table=1,hard_timeout=10,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),2\ntable=1,priority=5 actions=drop")
	learn := func(src int) *pmd.Upcall {
		u := send(t, s, fmt.Sprintf("in_port=3,dl_src=02:00:00:00:00:%02x", src), 0)
		s.Tick()
		return u
	}
	learn(1)
	first, gen := learn(1), s.Snapshot().Generation()
	learn(2)
	if !standsSince(s, gen, first) {
		t.Error("a flow is learned, and a decision that learns another is to be made again")
	}
	add := func(text string) {
		t.Helper()
		f, err := ParseFlow(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	add("table=1,priority=32767,dl_dst=02:00:00:00:00:01 actions=4")
	add("table=2,dl_dst=02:00:00:00:00:01 actions=4")
	if !standsSince(s, gen, first) {
		t.Error("a flow of another priority, or another table, touches a decision that learns one of that match")
	}
	add("table=1,dl_dst=02:00:00:00:00:01 actions=4")
	if standsSince(s, gen, first) {
		t.Error("the flow that was learned does something else, and the decision stands")
	}
	var many []FlowMod
	for i := range 100 {
		f, err := ParseFlow(fmt.Sprintf("table=1,dl_dst=02:00:00:00:09:%02x actions=4", i), nil)
		if err != nil {
			t.Fatal(err)
		}
		many = append(many, FlowMod{Command: FlowAdd, Flow: f})
	}
	first, gen = learn(1), s.Snapshot().Generation()
	if _, err := s.FlowMods(many, nil); err != nil {
		t.Fatal(err)
	}
	if standsSince(s, gen, first) {
		t.Error("many flows come into the table, and nobody knows which")
	}
}

// TestLearningIntoAFullTable: who could not learn for want of room does when there is some.
func TestLearningIntoAFullTable(t *testing.T) {
	for _, c := range []struct {
		name string
		room func(*State) error
	}{
		{"a flow goes", func(s *State) error {
			return s.Delete(1, DefaultPriority, flowMatch(t, "dl_src=02:00:00:00:00:01"))
		}},
		{"more are allowed", func(s *State) error { return s.TableMod(&TableMod{Table: 1, MaxFlows: 5}) }},
		{"more are allowed by table features", func(s *State) error {
			return s.SetPipeline(&PipelineMod{Command: PipelineModify, Tables: []PipelineTable{{Table: 1, MaxFlows: 5}}})
		}},
		{"flows make room", func(s *State) error { return s.TableMod(&TableMod{Table: 1, Eviction: On}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := testState(t, "actions=learn(table=1,hard_timeout=10,NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),2")
			if err := s.TableMod(&TableMod{Table: 1, MaxFlows: 2}); err != nil {
				t.Fatal(err)
			}
			// All three are decided about while there is room for two.
			var us []*pmd.Upcall
			gen := s.Snapshot().Generation()
			for src := 1; src <= 3; src++ {
				us = append(us, send(t, s, fmt.Sprintf("in_port=3,dl_src=02:00:00:00:00:%02x", src), 0))
			}
			s.Tick()
			if got := texts(s, 1); len(got) != 2 {
				t.Fatalf("%q are learned", got)
			}
			if standsSince(s, gen, us[2]) {
				t.Fatal("the decision stands of which the flow was not learned")
			}
			for range 2 { // and once more it does not help
				us[2] = send(t, s, "in_port=3,dl_src=02:00:00:00:00:03", 0)
				gen = s.Snapshot().Generation()
				s.Tick()
				if !standsSince(s, gen, us[2]) {
					t.Fatal("there is no room, and the decision is made again for nothing")
				}
			}
			if err := c.room(s); err != nil {
				t.Fatal(err)
			}
			if standsSince(s, gen, us[2]) {
				t.Fatal("there is room, and nobody asks again")
			}
			send(t, s, "in_port=3,dl_src=02:00:00:00:00:03", 0)
			s.Tick()
			if got := strings.Join(texts(s, 1), " "); !strings.Contains(got, "00:03") {
				t.Errorf("there is room, and %q are learned", got)
			}
		})
	}
}

// TestLearnLimit is limit and result_dst.
func TestLearnLimit(t *testing.T) {
	s := testState(t, `actions=learn(table=1,cookie=0x5,limit=2,result_dst=reg0[0],NXM_OF_ETH_SRC[]),resubmit(,2)
table=2,reg0=1 actions=2
table=2,priority=1 actions=3`)
	for i, want := range []string{"2", "2", "3", "2", "3"} {
		src := []int{1, 2, 3, 1, 3}[i]
		u := send(t, s, fmt.Sprintf("in_port=1,dl_src=02:00:00:00:00:%02x", src), 0)
		s.Tick()
		if got := u.Program.String(); got != want {
			t.Errorf("packet %d: %s, want %s", i, got, want)
		}
	}
	if got := texts(s, 1); len(got) != 2 {
		t.Errorf("learned %q", got)
	}
	// Of notes that come at once no more than the limit are learned, either.
	if err := s.Delete(1, DefaultPriority, flowMatch(t, "dl_src=02:00:00:00:00:01")); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		send(t, s, fmt.Sprintf("in_port=1,dl_src=02:00:00:00:01:%02x", i), 0)
	}
	s.Tick()
	if got := texts(s, 1); len(got) != 2 {
		t.Errorf("learned %q", got)
	}
}

func flowMatch(t *testing.T, text string) flow.Match {
	t.Helper()
	f, err := ParseFlow(text+" actions=drop", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.Match
}

// TestDeleteLearned is that what was learned goes with the last flow that learned it, and only
// with delete_learned.
func TestDeleteLearned(t *testing.T) {
	const learns = "learn(table=1,cookie=%#x,%sNXM_OF_ETH_SRC[],NXM_OF_IN_PORT[])"
	a := fmt.Sprintf(learns, 5, "delete_learned,")
	s := testState(t, "in_port=1 actions="+a+"\nin_port=2 actions=clone("+a+")\nin_port=3 actions="+fmt.Sprintf(learns, 6, "")+
		"\nin_port=4 actions=drop\ntable=1,cookie=0x5,in_port=9 actions=drop\ntable=2,cookie=0x5 actions=drop")
	for p := 1; p <= 3; p++ {
		send(t, s, fmt.Sprintf("in_port=%d,dl_src=02:00:00:00:00:01", p), 0)
	}
	s.Tick()
	count := func(want int, when string) {
		t.Helper()
		if got := texts(s, 1); len(got) != want {
			t.Errorf("%s: %d flows, want %d: %q", when, len(got), want, got)
		}
	}
	count(4, "learned")
	drop := func(match string) {
		t.Helper()
		if err := s.Delete(0, DefaultPriority, flowMatch(t, match)); err != nil {
			t.Fatal(err)
		}
	}
	drop("in_port=3")
	count(4, "without delete_learned")
	drop("in_port=1")
	count(4, "another flow learns the same")
	// A note of a flow that is gone is not followed.
	u := pmd.Upcall{Key: packetOf(t, s, "in_port=2,dl_src=02:00:00:00:00:02"), Thread: 0, Commit: true}
	s.Snapshot().Translate(&u)
	f, err := ParseFlow("in_port=2 actions=4", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(f); err != nil { // replaced by one that does not learn
		t.Fatal(err)
	}
	s.Tick()
	count(1, "the last flow that learned is replaced")
	if got := texts(s, 2); len(got) != 1 {
		t.Errorf("table 2 has %q", got)
	}
}

// TestFinTimeout is that the end of a connection reduces a flow's timeouts, and nothing else
// does.
func TestFinTimeout(t *testing.T) {
	var clock int64
	s := testState(t, "tcp,idle_timeout=60 actions=fin_timeout(idle_timeout=5,hard_timeout=9),2", func(c *Config) { c.Now = func() int64 { return clock } })
	u := send(t, s, "in_port=1,tcp,tcp_flags=ack", 0)
	s.Tick()
	want := func(text string) {
		t.Helper()
		if got := texts(s, 0); len(got) != 1 || got[0] != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
	want("idle_timeout=60, tcp actions=fin_timeout(idle_timeout=5,hard_timeout=9),output:2")
	if got := FormatMegaflow(u.Key, &u.Mask); got != "recirc_id=0,eth,tcp,in_port=1,nw_frag=no,tcp_flags=-fin-rst" {
		t.Error(got)
	}
	clock = 4e9
	send(t, s, "in_port=1,tcp,tcp_flags=0x011", clock)
	s.Tick()
	want("idle_timeout=5, hard_timeout=9, tcp actions=fin_timeout(idle_timeout=5,hard_timeout=9),output:2")
	if f := s.DumpFlows()[0]; f.Packets != 2 || f.Duration != 4 {
		t.Errorf("%d packets, %v s", f.Packets, f.Duration)
	}
	clock = 8e9
	send(t, s, "in_port=1,tcp,tcp_flags=rst", clock)
	s.Tick()
	want("idle_timeout=5, hard_timeout=9, tcp actions=fin_timeout(idle_timeout=5,hard_timeout=9),output:2")
	clock = 10e9
	s.Tick()
	if got := texts(s, 0); got != nil {
		t.Errorf("10 s after it was added: %q", got)
	}
}

// TestLearningIsSound is packets that learn, treated by a cache as loops have it, against an
// oracle that learns at once: what is sent, and what is in the tables in the end.
func TestLearningIsSound(t *testing.T) {
	pick := func(r *rand.Rand, v ...string) string { return v[r.IntN(len(v))] }
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 9))
		lines := []string{}
		for p, n := 50, 1+r.IntN(4); p > 50-n; p-- {
			lines = append(lines, fmt.Sprintf("priority=%d,%s actions=%slearn(table=%d,priority=%d,cookie=%d,%s%s%s),%s", p,
				pick(r, "in_port=1", "dl_src=00:00:00:00:00:00/00:00:00:00:00:01", "tcp", "in_port=3,udp"),
				pick(r, "", "", "load:3->reg2[],", "mod_dl_src:02:00:00:00:00:02,"),
				1+r.IntN(2), 1+r.IntN(3), 1+r.IntN(2),
				pick(r, "", "", "limit=3,", "limit=1,result_dst=reg3[0],"),
				pick(r, "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]", "NXM_OF_ETH_SRC[0..3]", "NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[0..11]", "eth_type=0x800,NXM_OF_IP_DST[24..31]=NXM_OF_ETH_SRC[0..7]", "reg2=reg2"),
				pick(r, ",output:NXM_OF_IN_PORT[]", ",load:NXM_OF_IN_PORT[]->reg0[0..15]", ",load:1->reg1[],output:NXM_OF_IN_PORT[]", ""),
				pick(r, "resubmit(,1)", "resubmit(,2),resubmit(,1),output:reg0[0..15]", "resubmit(,1),output:reg0[0..15]", "output:reg3")))
		}
		lines = append(lines, "priority=1 actions=resubmit(,1),resubmit(,2)", "table=1,priority=0 actions=4", "table=2,priority=9,dl_src=02:00:00:00:00:01 actions=5")
		flows, err := ParseFlows(strings.Join(lines, "\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		var ports []Port
		for n := uint32(1); n <= 5; n++ {
			ports = append(ports, Port{OFPort: n, Slot: n, Name: fmt.Sprintf("p%d", n), Up: true})
		}
		s, err := New(Config{Name: "br0", Threads: 1, Ports: ports, Flows: flows, Now: func() int64 { return 0 }})
		if err != nil {
			t.Fatal(err)
		}
		o := &oracle{ports: ports, flows: flows, fdb: map[fdbKey]uint32{}}
		var cached []*kept
		for range 60 {
			frame, in := randomFrame(r), uint32(1+r.IntN(4))
			var meta flow.Key
			meta.Set(flow.WPort, uint64(in))
			key := extract(frame, &meta)
			want, err := o.process(frame, in)
			if err != nil {
				continue
			}
			var at int
			if at = slices.IndexFunc(cached, func(d *kept) bool { return d.mask.Match(&key, &d.key) }); at >= 0 {
				d := cached[at]
				if gen := s.Snapshot().Generation(); d.gen != gen {
					if s.Snapshot().Changes().Touched(d.gen, 0, &key, &d.mask, d.path, d.credit) {
						cached = slices.Delete(cached, at, at+1)
						at = -1
					} else {
						d.gen = gen
					}
				}
			}
			if at < 0 {
				u := pmd.Upcall{Key: &key, Thread: 0, Commit: true}
				s.Snapshot().Translate(&u)
				d := &kept{mega{mask: u.Mask, prog: u.Program}, u.Credit.(*credit), u.Path, u.FDB, s.Snapshot().Generation()}
				u.Mask.Apply(&d.key, &key)
				cached = append(cached, d)
				at = len(cached) - 1
			}
			if got := execute(cached[at].prog, frame, nil); !sameSent(got, want) {
				t.Fatalf("sent:%s\nwant:%s\n%s\n%s", showSent(got), showSent(want), strings.Join(lines, "\n"), s.Snapshot().Trace(&key))
			}
			s.Tick()
			o.learnNow()
			var have, should []string
			for _, f := range s.DumpFlows() {
				have = append(have, f.Flow.Format(nil))
			}
			for i := range o.flows {
				should = append(should, o.flows[i].Format(nil))
			}
			slices.Sort(have)
			slices.Sort(should)
			if !slices.Equal(have, should) {
				t.Fatalf("flows\n%s\nwant\n%s\n%s", strings.Join(have, "\n"), strings.Join(should, "\n"), s.Snapshot().Trace(&key))
			}
		}
	})
}
