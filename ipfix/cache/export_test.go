package cache

// NearWrap makes the generations of an empty cache's entries such that they soon begin
// again.
func (c *Cache) NearWrap() {
	for i := range c.hot {
		c.hot[i].check = 0xfffe<<16 | nowhere
	}
}

// AskAhead makes the cache ask for entries ahead however few there are.
func (c *Cache) AskAhead() { c.far = 0 }

// Plain makes the cache count by tallyPlain.
func (c *Cache) Plain() { c.plain = true }

// Bonds returns how many slots are bound to entries that they count in now.
func (c *Cache) Bonds() (n int) {
	for _, bonds := range c.bonds {
		for _, d := range bonds {
			if x := d.entry(); x < uint32(len(c.hot)) && c.hot[x].live() && c.hot[x].check>>16 == uint32(d>>48) {
				n++
			}
		}
	}
	return n
}

// Interned returns how many points and tunnels have numbers now.
func (c *Cache) Interned() (points, tunnels int) {
	return c.points.pool.held(), c.tunnels.held()
}

func (p *pool[T]) held() (n int) {
	for i := range p.high {
		if p.items[i].holders != 0 {
			n++
		}
	}
	return n
}
