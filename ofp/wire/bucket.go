package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
	"pollux/ofp/pipeline"
)

// bucket13Len and bucket15Len are the lengths of a bucket without actions and properties.
const (
	bucket13Len = 16
	bucket15Len = 8
)

// Properties of buckets of 1.5 (OFPGBPT_*).
const (
	bucketWeight uint16 = iota
	bucketWatchPort
	bucketWatchGroup
)

// appendBuckets13 appends buckets as 1.3 and 1.4 have them, in their order.
func appendBuckets13(b []byte, v Version, g *pipeline.Group) []byte {
	for i := range g.Buckets {
		k, at := &g.Buckets[i], len(b)
		b = be.AppendUint16(append(b, 0, 0), k.Weight)
		b = be.AppendUint32(be.AppendUint32(b, k.WatchPort), k.WatchGroup)
		b = AppendActions(zeros(b, 4), v, k.Actions, nil)
		be.PutUint16(b[at:], uint16(len(b)-at))
	}
	return b
}

// parseBuckets13 reads buckets of 1.3 and 1.4 and numbers them.
func parseBuckets13(v Version, b []byte) (out []pipeline.Bucket, err error) {
	for len(b) > 0 {
		if len(b) < bucket13Len {
			return nil, fmt.Errorf("bucket of %d bytes, want %d or more: %w", len(b), bucket13Len, ofperr.GroupModBadBucket)
		}
		n := int(be.Uint16(b))
		if n < bucket13Len || n > len(b) {
			return nil, fmt.Errorf("bucket that says it has %d bytes of %d: %w", n, len(b), ofperr.GroupModBadBucket)
		}
		k := pipeline.Bucket{
			ID: uint32(len(out)), Weight: be.Uint16(b[2:]), WatchPort: be.Uint32(b[4:]), WatchGroup: be.Uint32(b[8:]),
		}
		if k.Actions, err = ParseActions(v, b[bucket13Len:n], nil); err != nil {
			return nil, err
		}
		if err := checkWatch(&k); err != nil {
			return nil, err
		}
		out, b = append(out, k), b[n:]
	}
	return out, nil
}

// appendBuckets15 appends buckets as 1.5 has them: with their number, and properties for what
// is not as if it was not given.
func appendBuckets15(b []byte, v Version, g *pipeline.Group) []byte {
	for i := range g.Buckets {
		k, at := &g.Buckets[i], len(b)
		b = be.AppendUint32(zeros(b, 4), k.ID)
		b = AppendActions(b, v, k.Actions, nil)
		be.PutUint16(b[at+2:], uint16(len(b)-at-bucket15Len))
		if k.Weight != 0 || g.Type == pipeline.GroupSelect {
			b = property32(b, bucketWeight, uint32(k.Weight)<<16) // with padding behind it
		}
		if k.WatchPort != pipeline.AnyPort {
			b = property32(b, bucketWatchPort, k.WatchPort)
		}
		if k.WatchGroup != pipeline.AnyGroup {
			b = property32(b, bucketWatchGroup, k.WatchGroup)
		}
		be.PutUint16(b[at:], uint16(len(b)-at))
	}
	return b
}

// parseBuckets15 reads buckets of 1.5. Without a property the weight of a bucket of a select
// group is 1.
func parseBuckets15(v Version, t pipeline.GroupType, b []byte) (out []pipeline.Bucket, err error) {
	seen := map[uint32]bool{}
	for len(b) > 0 {
		if len(b) < bucket15Len {
			return nil, fmt.Errorf("bucket of %d bytes, want %d or more: %w", len(b), bucket15Len, ofperr.GroupModBadBucket)
		}
		n, acts := int(be.Uint16(b)), int(be.Uint16(b[2:]))
		if n < bucket15Len || n > len(b) || acts > n-bucket15Len {
			return nil, fmt.Errorf("bucket that says it has %d bytes of %d, and %d of actions: %w", n, len(b), acts, ofperr.GroupModBadBucket)
		}
		k := pipeline.Bucket{ID: be.Uint32(b[4:]), WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup}
		if t == pipeline.GroupSelect {
			k.Weight = 1
		}
		if k.ID > pipeline.BucketMax || seen[k.ID] {
			return nil, fmt.Errorf("bucket with number %#x, beyond the last, or twice: %w", k.ID, ofperr.GroupModBadBucket)
		}
		seen[k.ID] = true
		actions, props := b[bucket15Len:bucket15Len+acts], b[bucket15Len+acts:n]
		if k.Actions, err = ParseActions(v, actions, nil); err != nil {
			return nil, err
		}
		if err := eachProperty(props, func(p property) error { return bucketProperty(&k, p) }); err != nil {
			return nil, err
		}
		out, b = append(out, k), b[n:]
	}
	return out, nil
}

// bucketProperty reads a property of a bucket.
func bucketProperty(k *pipeline.Bucket, p property) error {
	if p.kind > bucketWatchGroup {
		return p.unknown("a bucket")
	}
	n, err := p.u32()
	if err != nil {
		return err
	}
	switch p.kind {
	case bucketWeight:
		k.Weight = uint16(n >> 16)
	case bucketWatchPort:
		k.WatchPort = n
	case bucketWatchGroup:
		k.WatchGroup = n
	}
	return checkWatch(k)
}

// checkWatch refuses a port to watch that is none: those of 16 bits that 1.0 reserved, and
// reserved ones but the local.
func checkWatch(k *pipeline.Bucket) error {
	switch p := PortNumber(k.WatchPort); {
	case p >= portMax && p != PortAny && p != PortLocal, p >= portMax10 && p <= 0xffff:
		return fmt.Errorf("bucket that watches port %#x: %w", k.WatchPort, ofperr.GroupModBadWatch)
	}
	return nil
}
