package rfc2544

import (
	"fmt"
	"time"
)

// Tolerances of a trial, of the time that the device under test waited for its core.
const (
	waitRoom  = time.Millisecond // for which rings make up
	waitShare = 0.01             // of the trial, above which times are the machine's, not the device's
)

// voidByCore says why a trial that took so long says nothing of the device, whose thread
// waited for its core meanwhile, or "".
//
// What was lost may have been lost in that time. What was not lost counts all the same:
// the device passed it with less than its core. But the time that frames took counts only
// where the device had its core.
func voidByCore(t Trial, took, waited time.Duration, lost uint64) string {
	if t.Rate+float64(t.Count) == 0 { // at overload loss is what is wanted
		return ""
	}
	share := 0.0
	if took > 0 {
		share = float64(waited) / float64(took)
	}
	switch {
	case lost > 0 && (waited > waitRoom || share > waitShare), t.Timed && share > waitShare:
		return fmt.Sprintf("others had the device's core for %v, %.2g %% of the trial", waited.Round(time.Microsecond), 100*share)
	}
	return ""
}
