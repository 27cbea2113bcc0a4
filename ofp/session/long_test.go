package session

import (
	"fmt"
	"strings"
	"testing"

	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// multipart sends a multipart request and returns the records of the reply, one after the
// other. Each message of it says how long it is.
func (p *peer) multipart(v wire.Version, m wire.Multipart) (records []byte) {
	p.t.Helper()
	p.write(wire.AppendMultipartRequest(nil, v, 8, m))
	for more := true; more; {
		msg := p.read()
		if k := wire.KindOf(v, msg[1]); k != wire.MultipartReply {
			p.t.Fatalf("%s: part %d is answered by %s", v, m.Part, k)
		}
		r, err := wire.ParseMultipart(v, msg[wire.HeaderLen:])
		if err != nil {
			p.t.Fatal(err)
		}
		records, more = append(records, r.Body...), r.More
	}
	return records
}

// A flow that came in 1.0, where 5,000 of its actions take 40,000 bytes, takes 80,000 in later
// versions. There, answers have the others, as those of Open vSwitch do, and it is counted; so
// do monitors. It forwards all the same, and 1.0 tells of it.
func TestAFlowThatIsTooLongForAVersion(t *testing.T) {
	f := newFloor(t, spoken...)
	long := "cookie=1,ip,actions=" + strings.Repeat("mod_nw_src:1.2.3.4,", 5000) + "output:1"
	before := make([]uint64, len(spoken))
	for i, v := range spoken {
		newWatcher(f, i, v).write(appendMonitors(v, 2, monitorAll(1)))
		newWatcher(f, i, v).told()
	}
	old := newWatcher(f, 0, wire.V10)
	old.mod(3, pipeline.FlowAdd, long)
	old.told()
	old.mod(4, pipeline.FlowAdd, "cookie=2,actions=output:2")
	old.told()
	for i, v := range spoken {
		p := newWatcher(f, i, v)
		if i > 0 {
			p.expect("the flow that is short", "added cookie=0x2,actions=output:2")
			before[i]++ // the change
		}
		ask := wire.Multipart{Part: wire.PartFlow}
		q := pipeline.FlowFilter{Table: pipeline.AllTables, OutPort: pipeline.AnyPort, OutGroup: pipeline.AnyGroup}
		req := wire.AppendFlowRequest(nil, v, 8, ask, &q)
		head, err := wire.ParseMultipart(v, req[wire.HeaderLen:])
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for b := p.multipart(v, head); len(b) > 0; {
			s, rest, err := wire.ParseFlowStat(v, ask, b)
			if err != nil {
				t.Fatalf("%s: %v", v, err)
			}
			got, b = append(got, fmt.Sprintf("%d:%d", s.Flow.Cookie, len(s.Flow.Do.Apply))), rest
		}
		want := "2:1"
		if v == wire.V10 {
			want = "1:5001 2:1"
		} else {
			before[i]++
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: flows with actions %q, want %q", v, text, want)
		}
		f.tooLong(t, i, before[i])
	}
}

// tooLong waits until a session is said to have left out so many records: they are counted when the
// answer is out.
func (f *floor) tooLong(t *testing.T, peer int, want uint64) {
	t.Helper()
	said := func() uint64 { return f.s.Peers()[peer].RecordsTooLong }
	until(t, fmt.Sprintf("%d records that are too long, not %d", want, said()), func() bool { return said() >= want })
	if n := said(); n != want {
		t.Errorf("session %d: %d records are said to be too long, want %d", peer, n, want)
	}
}

// A group that buckets were inserted into until no message has room for it is left out of what
// answers have, too; the counters of its buckets, which are shorter, come as long as they find room.
func TestAGroupThatIsTooLong(t *testing.T) {
	for _, v := range []wire.Version{wire.V10, wire.V15} {
		f := newFloor(t, v)
		p := newWatcher(f, 0, v)
		insert := func(id, first, n uint32) {
			m := &pipeline.GroupMod{Command: pipeline.GroupInsertBucket, Bucket: pipeline.BucketLast}
			m.Group.ID, m.Group.Type = id, pipeline.GroupAll
			for i := range n {
				m.Group.Buckets = append(m.Group.Buckets, pipeline.Bucket{
					ID: first + i, WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup, Actions: []pipeline.Action{{Kind: pipeline.ActOutput, Port: 2}},
				})
			}
			p.write(wire.AppendGroupMod(nil, v, 5, m))
		}
		for id := range uint32(2) {
			p.write(wire.AppendGroupMod(nil, v, 5, &pipeline.GroupMod{Command: pipeline.GroupAdd, Group: pipeline.Group{ID: id + 1, Type: pipeline.GroupAll}}))
		}
		insert(2, 0, 3)
		for i := range uint32(4) {
			insert(1, 1000*i, 1000)
		}
		p.expect("groups", "")
		desc, stats := wire.Multipart{Part: wire.PartGroupDesc}, wire.Multipart{Part: wire.PartGroup}
		if v == wire.V10 {
			desc = wire.Multipart{Part: wire.PartExperimenter, Vendor: wire.Nicira, Subtype: wire.NXGroupDesc}
			stats = wire.Multipart{Part: wire.PartExperimenter, Vendor: wire.Nicira, Subtype: wire.NXGroup}
		}
		desc.Body = []byte{0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0}
		stats.Body = desc.Body
		var got []int
		for b := p.multipart(v, desc); len(b) > 0; {
			g, rest, err := wire.ParseGroup(v, b)
			if err != nil {
				t.Fatal(err)
			}
			got, b = append(got, len(g.Buckets)), rest
		}
		want, left := "[4000 3]", uint64(0) // an output takes 8 bytes in 1.0
		if v == wire.V15 {
			want, left = "[3]", 1
		}
		if f.tooLong(t, 0, left); fmt.Sprint(got) != want {
			t.Errorf("%s: groups of %v buckets, want %s", v, got, want)
		}
		var n []int
		for b := p.multipart(v, stats); len(b) > 0; {
			s, rest, err := wire.ParseGroupStats(b)
			if err != nil {
				t.Fatal(err)
			}
			n, b = append(n, len(s.Buckets)), rest
		}
		if fmt.Sprint(n) != "[4000 3]" {
			t.Errorf("%s: counters of %v buckets", v, n)
		}
	}
}
