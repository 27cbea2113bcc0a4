package cache

// SetTimeouts changes the timeouts, in ns, as in Config; zeros are the defaults and
// a negative active means never. Flows held are judged by the new ones from the next
// look of the hand on. Owner only.
func (c *Cache) SetTimeouts(idle, active, linger int64) {
	cfg := Config{IdleTimeout: idle, ActiveTimeout: active, EndLinger: linger}
	cfg.defaults()
	c.idle, c.active = cfg.IdleTimeout, cfg.ActiveTimeout
	// Coarse times of two moments differ by up to one more or less than the moments do.
	c.coarseActive = uint32(min(max(c.active>>20-1, 0), 1<<31))
	c.linger = min(cfg.EndLinger, cfg.IdleTimeout)
	c.period = sweepPeriod(c.idle, c.active, c.linger)
	if c.align {
		// There is no exact time to look at: never before the boundary.
		c.coarseActive += 2
		c.period = min(c.period, alignedPeriod)
	}
}

// SetAlign changes Config.Align: for records that begin from now on. SetTimeouts is to follow.
// Owner only.
func (c *Cache) SetAlign(on bool) { c.align = on }

// SetSampling changes N of sampling 1:N; 0 and 1 are every packet. Flows held go on:
// their records hold packets that were selected with either probability. Owner only.
func (c *Cache) SetSampling(n uint32) {
	n = max(n, 1)
	if n > 1 && n != c.sampling {
		c.sampler = newSampler(n, c.sampler.next())
	}
	c.sampling = n
	c.shown.Store(n)
}

// Publish makes Stats current. Owner only.
func (c *Cache) Publish() { c.n.publish() }
