package cache

import (
	"pollux/flow"
	"pollux/internal/packet"
)

// UseSlots makes room to remember the flows of n slots of the loop's exact-match
// cache; 0 is none. To be called before the loop runs.
func (c *Cache) UseSlots(n int) {}

// Forget says that slot holds another key from now on, or none. Owner only.
func (c *Cache) Forget(slot int32) {}

// Dropped counts packets idx, which were observed at pt in this call of the loop, as
// dropped for reason (actions.Reason). It never changes what counts as seen. Owner only.
func (c *Cache) Dropped(pt Point, b *packet.Batch, keys []flow.Key, idx []uint16, slots []int32, reason uint8, now int64) {
}
