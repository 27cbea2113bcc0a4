package session

import (
	"bytes"
	"testing"

	"pollux/ofp/pipeline"
	"pollux/ofp/wire"
)

// Who asks for it is told of the groups and meters that others change, by itself or in a bundle,
// in its own version; not of what was refused, nor of what it did itself.
func TestRequestsAreForwarded(t *testing.T) {
	group := func(c pipeline.GroupCommand, n int) *pipeline.GroupMod {
		m := &pipeline.GroupMod{Command: c, Group: pipeline.Group{ID: 4}, Bucket: pipeline.BucketLast}
		for i := range n {
			m.Group.Buckets = append(m.Group.Buckets, pipeline.Bucket{
				ID: uint32(i), WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup,
				Actions: []pipeline.Action{{Kind: pipeline.ActOutput, Port: uint32(1 + i)}},
			})
		}
		return m
	}
	meter := &pipeline.MeterMod{Command: pipeline.MeterAdd, Meter: pipeline.Meter{
		ID: 3, Flags: pipeline.MeterKbps, Bands: []pipeline.Band{{Type: pipeline.BandDrop, Rate: 1000}},
	}}
	versions := []wire.Version{wire.V15, wire.V14, wire.V15, wire.V13, wire.V14}
	f := newFloor(t, versions...)
	for i, p := range f.peers[:4] { // the last one does not ask
		if v := versions[i]; v >= wire.V14 {
			c := p.getAsync(v)
			c.Master[wire.AsyncRequestForward] = 3
			if i == 2 {
				c.Master[wire.AsyncRequestForward] = 1 << forwardMeter
			}
			if e := p.ask(v, wire.AppendAsync(nil, v, wire.SetAsync, 1, &c)); e != nil {
				t.Fatalf("%x", e)
			}
		}
	}
	const v = wire.V15
	inBundle := func(msg []byte) []byte {
		b := wire.AppendBundle(nil, v, wire.BundleAdd, xidOf(msg), &wire.BundleMsg{ID: 1, Message: msg})
		return wire.AppendBundle(b, v, wire.BundleControl, 9, &wire.BundleMsg{ID: 1, Type: wire.BundleCommit})
	}
	for _, c := range []struct {
		what    string
		send    []byte
		replies int       // to it
		want    [4][]byte // what each of the others is forwarded
	}{
		{"a group", wire.AppendGroupMod(nil, v, 21, group(pipeline.GroupAdd, 1)), 0, [4][]byte{wire.AppendGroupMod(nil, wire.V14, 21, group(pipeline.GroupAdd, 1))}},
		{"the same, refused", wire.AppendGroupMod(nil, v, 22, group(pipeline.GroupAdd, 1)), 1, [4][]byte{}},
		{"a bucket", wire.AppendGroupMod(nil, v, 23, func() *pipeline.GroupMod {
			m := group(pipeline.GroupInsertBucket, 2)
			m.Group.Buckets = m.Group.Buckets[1:]
			return m
		}()), 0, [4][]byte{wire.AppendGroupMod(nil, wire.V14, 23, group(pipeline.GroupModify, 2))}},
		{"a meter", wire.AppendMeterMod(nil, v, 24, meter), 0, [4][]byte{wire.AppendMeterMod(nil, wire.V14, 24, meter), wire.AppendMeterMod(nil, v, 24, meter)}},
		{"a bundle", inBundle(wire.AppendGroupMod(nil, v, 25, group(pipeline.GroupDelete, 0))), 1, [4][]byte{wire.AppendGroupMod(nil, wire.V14, 25, group(pipeline.GroupDelete, 0))}},
	} {
		p := f.peers[0]
		p.write(c.send)
		for range c.replies {
			p.read()
		}
		p.barrier(v)
		for i, p := range f.peers[1:] {
			if want := c.want[i]; want != nil {
				if got := p.read(); !bytes.Equal(got, wire.AppendRequestForward(nil, versions[i+1], 0, want)) {
					t.Errorf("%s: session %d of %s is forwarded %x, want %x", c.what, i+1, versions[i+1], got, want)
				}
			}
			p.barrier(versions[i+1])
		}
	}
}

// A group that takes more than a message in another session's version is not forwarded to it, and
// never in part.
func TestRequestsThatAreTooLongToBeForwarded(t *testing.T) {
	m := &pipeline.GroupMod{Command: pipeline.GroupAdd, Group: pipeline.Group{ID: 4}, Bucket: pipeline.BucketAll}
	for i := range uint32(2700) {
		m.Group.Buckets = append(m.Group.Buckets, pipeline.Bucket{
			ID: i, WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup, Actions: []pipeline.Action{{Kind: pipeline.ActOutput, Port: 1}},
		})
	}
	versions := []wire.Version{wire.V15, wire.V14, wire.V15}
	f := newFloor(t, versions...)
	for i, p := range f.peers[1:] {
		c := p.getAsync(versions[i+1])
		c.Master[wire.AsyncRequestForward] = 3
		if e := p.ask(versions[i+1], wire.AppendAsync(nil, versions[i+1], wire.SetAsync, 1, &c)); e != nil {
			t.Fatalf("%x", e)
		}
	}
	add := wire.AppendGroupMod(nil, wire.V15, 21, m)
	f.peers[0].write(add)
	f.peers[0].barrier(wire.V15)
	f.peers[1].barrier(wire.V14) // it is told nothing
	if got := f.peers[2].read(); !bytes.Equal(got, wire.AppendRequestForward(nil, wire.V15, 0, add)) {
		t.Errorf("1.5 is forwarded %d bytes, want %d", len(got), len(add)+wire.HeaderLen)
	}
	for i, want := range []uint64{0, 1, 0} {
		f.tooLong(t, i, want)
	}
}
