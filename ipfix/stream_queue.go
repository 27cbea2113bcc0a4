package ipfix

// chunkSize is the memory that a queue grows by, and how much is written at a time:
// the longest message fits.
const chunkSize = 1 << 16

// item is one message of a queue.
type item struct {
	end     int // of its bytes in the chunk
	domain  uint32
	records uint32 // data records, options included
	options int    // 1: begins a round of option records, 2: goes on with it, 0: flow records
	flows   Totals
	list    *templateList // what it may use
}

// chunk is messages one after the other.
type chunk struct {
	buf   []byte // capacity chunkSize
	items []item
	taken int // items that are out
}

// start returns where item i begins.
func (c *chunk) start(i int) int {
	if i == 0 {
		return 0
	}
	return c.items[i-1].end
}

// queue holds messages in the order they came, in at most limit bytes of messages.
// It is used under its stream's lock.
type queue struct {
	chunks []*chunk // in order; the first is taken from, the last put to
	spare  *chunk
	bytes  int
	limit  int
}

// put appends a copy of a message; false means that there is no room.
func (q *queue) put(b []byte, it item) bool {
	if q.bytes+len(b) > q.limit {
		return false
	}
	var c *chunk
	if n := len(q.chunks); n > 0 {
		c = q.chunks[n-1]
	}
	if c == nil || len(c.buf)+len(b) > cap(c.buf) {
		c = q.spare
		q.spare = nil
		if c == nil {
			c = &chunk{buf: make([]byte, 0, chunkSize)}
		}
		q.chunks = append(q.chunks, c)
	}
	c.buf = append(c.buf, b...)
	it.end = len(c.buf)
	c.items = append(c.items, it)
	q.bytes += len(b)
	return true
}

// batch is messages of one chunk that are not out: bytes that nobody else writes to.
type batch struct {
	buf   []byte // the chunk's
	items []item // none: there is nothing
	from  int    // where the first begins
}

// head returns the oldest messages, until took says how many are out.
func (q *queue) head() batch {
	for len(q.chunks) > 0 {
		c := q.chunks[0]
		if c.taken < len(c.items) {
			return batch{c.buf, c.items[c.taken:], c.start(c.taken)}
		}
		c.buf, c.items, c.taken = c.buf[:0], c.items[:0], 0
		if len(q.chunks) == 1 {
			break // stays as the one to put to
		}
		q.spare = c
		q.chunks = q.chunks[:copy(q.chunks, q.chunks[1:])]
	}
	return batch{}
}

// message returns the bytes of message i.
func (b *batch) message(i int) []byte {
	from := b.from
	if i > 0 {
		from = b.items[i-1].end
	}
	return b.buf[from:b.items[i].end]
}

// took says that n messages of the head are out, and returns their sums.
func (q *queue) took(n int) (flows Totals) {
	c := q.chunks[0]
	from := c.start(c.taken)
	for range n {
		flows.add(c.items[c.taken].flows)
		c.taken++
	}
	q.bytes -= c.start(c.taken) - from
	return flows
}
