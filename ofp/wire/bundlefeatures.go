package wire

import (
	"fmt"

	"pollux/ofp/ofperr"
)

// PartBundleFeatures asks what bundles there can be (1.5).
const PartBundleFeatures Part = 19

// bundleTimestamp says that a request tells the time (OFPBF_TIMESTAMP). The other flag would set
// how far ahead bundles may be scheduled (OFPBF_TIME_SET_SCHED).
const bundleTimestamp uint32 = 1 << 0

// ParseBundleFeaturesRequest reads the body of a request. Its properties are all about time, in
// which bundles cannot be scheduled: to set bounds for that is ofperr.MultipartBadSchedule.
func ParseBundleFeaturesRequest(b []byte) error {
	if len(b) < 8 {
		return fmt.Errorf("request for features of bundles of %d bytes, want 8 or more: %w", len(b), ofperr.BadLen)
	}
	if flags := be.Uint32(b); flags&^bundleTimestamp != 0 {
		return fmt.Errorf("flags %#x; bundles are committed when that is asked for: %w", flags, ofperr.MultipartBadSchedule)
	}
	return eachProperty(b[8:], func(p property) error {
		if p.kind != 1 { // OFPTMPBF_TIME_CAPABILITY
			return p.unknown("a request for features of bundles")
		}
		return nil
	})
}

// AppendBundleFeatures appends the body of the reply: flags that bundles can have.
func AppendBundleFeatures(b []byte, can BundleFlags) []byte {
	return zeros(be.AppendUint16(b, uint16(can)), 6)
}
