package wire

import (
	"errors"
	"testing"
	"time"

	"pollux/flow"
	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

func init() {
	readers[GroupMod] = of(ParseGroupMod, AppendGroupMod)
	extensions[[2]uint32{Nicira, NXTGroupMod}] = readers[GroupMod]
	for part, subtype := range map[Part]uint32{PartGroupDesc: NXGroupDesc, PartGroup: NXGroup, PartGroupFeatures: NXGroupFeatures} {
		partReplies[part] = groupReader(Multipart{Part: part}, part)
		extReplies[[2]uint32{Nicira, subtype}] = groupReader(Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: subtype}, part)
	}
	for _, p := range []Part{PartGroup, PartGroupDesc} {
		partRequests[p] = func(v Version, b []byte) error { _, err := ParseGroupRequest(v, p, b); return err }
	}
	samplesOf = append(samplesOf, groupSamples)
}

// groupReader makes the reader of a part, under a head of that part or of Nicira's.
func groupReader(m Multipart, part Part) reader {
	switch part {
	case PartGroupDesc:
		return recordsOf(m, ParseGroup, AppendGroup)
	case PartGroup:
		return recordsOf(m, func(_ Version, b []byte) (*GroupStats, []byte, error) { return ParseGroupStats(b) },
			func(b []byte, _ Version, s *GroupStats) []byte { return s.Append(b) })
	}
	return recordsOf(m, func(_ Version, b []byte) (*GroupFeatures, []byte, error) {
		f, err := ParseGroupFeatures(b)
		return f, nil, err
	},
		func(b []byte, _ Version, f *GroupFeatures) []byte { return f.Append(b) })
}

// bucket makes one that outputs to port.
func bucket(id, port uint32, weight uint16) pipeline.Bucket {
	return pipeline.Bucket{
		ID: id, Weight: weight, WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup,
		Actions: []pipeline.Action{{Kind: pipeline.ActOutput, Port: port}},
	}
}

func sampleGroups(v Version) (all, sel, ff *pipeline.Group) {
	all = &pipeline.Group{ID: 1, Type: pipeline.GroupAll, Buckets: []pipeline.Bucket{bucket(0, 1, 0), bucket(1, 2, 0)}}
	sel = &pipeline.Group{ID: 2, Type: pipeline.GroupSelect, Buckets: []pipeline.Bucket{bucket(0, 1, 3), bucket(1, 2, 100)}}
	ff = &pipeline.Group{ID: 3, Type: pipeline.GroupFastFailover, Buckets: []pipeline.Bucket{bucket(0, 1, 0), bucket(1, 2, 0)}}
	ff.Buckets[0].WatchPort, ff.Buckets[1].WatchGroup = 1, 7
	if !oldGroups(v) {
		sel.Buckets[1].ID = 77
		sel.Selection, sel.SelectionParam = "hash", 5
		sel.Fields = []pipeline.GroupField{
			{Field: flow.EthDst, Mask: flow.EthDst.Full()}, {Field: flow.IPv4Src, Mask: flow.Value{Lo: 0xffffff00}},
		}
	}
	return all, sel, ff
}

func groupSamples(v Version) map[string][]byte {
	desc, stats, features := partReplies[PartGroupDesc], partReplies[PartGroup], partReplies[PartGroupFeatures]
	if v == V10 {
		desc, stats = extReplies[[2]uint32{Nicira, NXGroupDesc}], extReplies[[2]uint32{Nicira, NXGroup}]
		features = extReplies[[2]uint32{Nicira, NXGroupFeatures}]
	}
	all, sel, ff := sampleGroups(v)
	mod := func(c pipeline.GroupCommand, g *pipeline.Group, bucket uint32) []byte {
		return AppendGroupMod(nil, v, 2, &pipeline.GroupMod{Command: c, Group: *g, Bucket: bucket})
	}
	out := map[string][]byte{
		"group-mod-add":    mod(pipeline.GroupAdd, all, pipeline.BucketAll),
		"group-mod-modify": mod(pipeline.GroupModify, sel, pipeline.BucketAll),
		"group-mod-or":     mod(pipeline.GroupAddOrModify, ff, pipeline.BucketAll),
		"group-mod-delete": mod(pipeline.GroupDelete, &pipeline.Group{ID: pipeline.GroupAllGroups}, pipeline.BucketAll),
		"group-desc":       desc.append(v, 3, []*pipeline.Group{all, sel, ff, {ID: 9, Type: pipeline.GroupIndirect}}),
		"group-stats": stats.append(v, 4, []*GroupStats{
			{ID: 1, References: 2, Packets: 100, Bytes: 1 << 40, Duration: time.Minute, Buckets: []BandStats{{60, 1 << 39}, {40, 1 << 39}}}, {ID: 9}}),
		"group-features": features.append(v, 5, []*GroupFeatures{{
			Types: 0xf, Capabilities: GroupSelectWeight | GroupSelectLiveness | GroupChaining | GroupChainingChecks,
			Groups: [4]uint32{pipeline.GroupMax, 1, 2, 3}, Actions: [4]uint32{1, 1 << 22, 1 << 17, 1 << 25},
		}}),
	}
	if !oldGroups(v) {
		one := &pipeline.Group{ID: 2, Type: pipeline.GroupSelect, Buckets: []pipeline.Bucket{bucket(3, 4, 1)}}
		out["group-mod-insert"] = mod(pipeline.GroupInsertBucket, one, pipeline.BucketFirst)
		out["group-mod-remove"] = mod(pipeline.GroupRemoveBucket, &pipeline.Group{ID: 2}, 77)
	}
	return out
}

func TestBadGroupMods(t *testing.T) {
	mod := func(v Version, change func(m *pipeline.GroupMod)) error {
		_, sel, _ := sampleGroups(v)
		m := &pipeline.GroupMod{Group: *sel, Bucket: pipeline.BucketAll}
		change(m)
		b := AppendGroupMod(nil, v, 1, m)[HeaderLen:]
		if v == V10 {
			b = b[8:]
		}
		_, err := ParseGroupMod(v, b)
		return err
	}
	for _, c := range []struct {
		name   string
		v      Version
		change func(m *pipeline.GroupMod)
		want   ofperr.Error
	}{
		{"as it is", V13, func(*pipeline.GroupMod) {}, 0},
		{"as it is", V15, func(*pipeline.GroupMod) {}, 0},
		{"as it is", V10, func(*pipeline.GroupMod) {}, 0},
		{"type", V13, func(m *pipeline.GroupMod) { m.Group.Type = 4 }, ofperr.GroupModBadType},
		{"command", V13, func(m *pipeline.GroupMod) { m.Command = 9 }, ofperr.GroupModBadCommand},
		{"insert in 1.4", V14, func(m *pipeline.GroupMod) { m.Command = pipeline.GroupInsertBucket }, ofperr.GroupModBadCommand},
		{"insert after all", V15, func(m *pipeline.GroupMod) { m.Command = pipeline.GroupInsertBucket }, ofperr.GroupModBadBucket},
		{"remove a bucket that can't be", V15, func(m *pipeline.GroupMod) {
			m.Command, m.Bucket = pipeline.GroupRemoveBucket, pipeline.BucketMax+1
		}, ofperr.GroupModBadBucket},
		{"the same number twice", V15, func(m *pipeline.GroupMod) { m.Group.Buckets[1].ID = 0 }, ofperr.GroupModBadBucket},
		{"number too high", V15, func(m *pipeline.GroupMod) { m.Group.Buckets[1].ID = pipeline.BucketMax + 1 }, ofperr.GroupModBadBucket},
		{"watch of all ports", V13, func(m *pipeline.GroupMod) { m.Group.Buckets[1].WatchPort = 0xfffffffc }, ofperr.GroupModBadWatch},
		{"watch of all ports", V15, func(m *pipeline.GroupMod) { m.Group.Buckets[1].WatchPort = 0xfffffffc }, ofperr.GroupModBadWatch},
		{"selection of another type", V15, func(m *pipeline.GroupMod) { m.Group.Type = pipeline.GroupAll }, ofperr.PropertyBadValue},
		{"selection in a deletion", V15, func(m *pipeline.GroupMod) { m.Command = pipeline.GroupDelete }, ofperr.PropertyBadValue},
		{"selection method", V15, func(m *pipeline.GroupMod) { m.Group.Selection = "dice" }, ofperr.PropertyBadValue},
		{"dp_hash with fields", V15, func(m *pipeline.GroupMod) { m.Group.Selection = "dp_hash" }, ofperr.PropertyBadValue},
		{"a field twice", V15, func(m *pipeline.GroupMod) { m.Group.Fields[1] = m.Group.Fields[0] }, ofperr.MatchFieldTwice},
		{"a field without a bit", V15, func(m *pipeline.GroupMod) { m.Group.Fields[1].Mask = flow.Value{} }, ofperr.MatchBadMask},
	} {
		if err := mod(c.v, c.change); c.want == 0 && err != nil || c.want != 0 && !errors.Is(err, c.want) {
			t.Errorf("%s in %s: %v, want %v", c.name, c.v, err, c.want)
		}
	}
}

// Lengths of buckets that do not fit are the buckets' error, not the message's.
func TestBadBuckets(t *testing.T) {
	for _, v := range spoken[1:] {
		all, _, _ := sampleGroups(v)
		b := AppendGroupMod(nil, v, 1, &pipeline.GroupMod{Group: *all})[HeaderLen:]
		at := 8
		if v >= V15 {
			at = 16
		}
		b[at+1] = 4
		if _, err := ParseGroupMod(v, b); !errors.Is(err, ofperr.GroupModBadBucket) {
			t.Errorf("%s: %v", v, err)
		}
		if _, err := ParseGroupMod(v, b[:4]); !errors.Is(err, ofperr.BadLen) {
			t.Errorf("%s, short: %v", v, err)
		}
	}
}

func TestGroupRequests(t *testing.T) {
	for _, c := range []struct {
		v    Version
		part Part
		body []byte
		want uint32
	}{
		{V13, PartGroupDesc, nil, pipeline.GroupAllGroups},
		{V15, PartGroupDesc, []byte{0, 0, 0, 5, 0, 0, 0, 0}, 5},
		{V13, PartGroup, []byte{0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0}, pipeline.GroupAllGroups},
	} {
		if got, err := ParseGroupRequest(c.v, c.part, c.body); err != nil || got != c.want {
			t.Errorf("%s %d: %d, %v", c.v, c.part, got, err)
		}
	}
	if _, err := ParseGroupRequest(V13, PartGroup, nil); !errors.Is(err, ofperr.BadLen) {
		t.Errorf("no body: %v", err)
	}
}
