package pipeline

import "pollux/flow"

// FormatMegaflow writes a megaflow as ofproto/trace does: recirc_id=0,eth,tcp,….
func FormatMegaflow(key *flow.Key, mask *flow.Mask) string { return formatMegaflow(key, mask) }
