package mixed

import (
	"math"
	"math/rand/v2"
)

// Config says what to make. Zero members get the defaults in brackets.
type Config struct {
	Seed    uint64
	Flows   int     // [20000]; one or two more may be made, so that fragments and answers are whole
	Packets int     // at most, but at least one a flow [300000]
	Longest int     // frames of a flow, at most [3000]
	Files   int     // that frames are dealt to [1]
	Split   float64 // share of the flows whose frames go to all files in turn; another flow's go to one [0]
}

// Frame is a frame and whose it is.
type Frame struct {
	Flow int // index into Traffic.Flows
	Data []byte
}

// Traffic is frames, in the order in which they are to be sent, and the truth of them.
type Traffic struct {
	Flows  []Flow
	Frames [][]Frame // by file
}

// Make makes traffic.
func Make(cfg Config) *Traffic {
	if cfg.Flows == 0 {
		cfg.Flows = 20_000
	}
	if cfg.Packets == 0 {
		cfg.Packets = 300_000
	}
	if cfg.Longest == 0 {
		cfg.Longest = 3000
	}
	if cfg.Files == 0 {
		cfg.Files = 1
	}
	m := &maker{cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, 0x6d69786564)), keys: map[Key]bool{}}
	for len(m.flows) < cfg.Flows {
		m.begin()
	}
	return m.send()
}

// Total returns what all frames add up to.
func (t *Traffic) Total() (c Counts) {
	for i := range t.Flows {
		c.Add(t.Flows[i].Total())
	}
	return c
}

// maker draws flows, then frames.
type maker struct {
	cfg   Config
	rand  *rand.Rand
	keys  map[Key]bool
	flows []Flow
	order []int // flow of each frame to come; the later fragments' are not in it
}

// size draws the frames of a flow by Pareto's law with exponent 1: half of the flows
// have one, one flow in a hundred has a hundred and more.
func (m *maker) size() int {
	n := int(1 / (1 - m.rand.Float64()))
	left := m.cfg.Packets - len(m.order) - (m.cfg.Flows - len(m.flows))
	return max(1, min(n, m.cfg.Longest, left))
}

// send puts the frames in order and writes them.
func (m *maker) send() *Traffic {
	m.rand.Shuffle(len(m.order), func(i, j int) { m.order[i], m.order[j] = m.order[j], m.order[i] })
	m.questionsFirst()
	t := &Traffic{Flows: m.flows, Frames: make([][]Frame, m.cfg.Files)}
	for i := range t.Flows {
		t.Flows[i].Sent = make([]Counts, m.cfg.Files)
	}
	home := func(flow int) int { return flow % m.cfg.Files }
	split := int(m.cfg.Split * math.MaxInt32)
	everywhere := make([]bool, len(t.Flows))
	for i := range everywhere {
		everywhere[i] = int(m.rand.Int32N(math.MaxInt32)) < split
	}
	for _, i := range m.order {
		f := &t.Flows[i]
		file := home(i)
		if everywhere[i] {
			file = (i + f.made) % m.cfg.Files
		}
		id := uint16(m.rand.Uint32())
		length := m.payload(f)
		t.add(file, i, length, id)
		if f.part == first {
			t.add(file, i+1, m.payload(f), id)
		}
	}
	return t
}

func (t *Traffic) add(file, flow, payload int, id uint16) {
	f := &t.Flows[flow]
	data, c := f.frame(payload, id)
	f.Sent[file].Add(c)
	f.made++
	t.Frames[file] = append(t.Frames[file], Frame{Flow: flow, Data: data})
}

// questionsFirst has the flow that began a conversation come first.
func (m *maker) questionsFirst() {
	seen := make([]int, len(m.flows)) // place of the first frame, counted from 1
	for at, i := range m.order {
		f := &m.flows[i]
		if seen[i] == 0 {
			seen[i] = at + 1
			if f.Peer >= 0 && !f.answers && seen[f.Peer] != 0 {
				other := seen[f.Peer] - 1
				m.order[at], m.order[other] = f.Peer, i
			}
		}
	}
}

// payload draws the bytes behind the transport header: small packets mostly.
func (m *maker) payload(f *Flow) int {
	n := 0
	switch m.rand.IntN(32) {
	case 0:
		n = m.rand.IntN(1400)
	case 1, 2, 3, 4, 5, 6, 7:
		n = m.rand.IntN(200)
	case 8, 9, 10, 11, 12, 13, 14, 15:
		n = m.rand.IntN(24)
	}
	if f.part == first {
		n = n&^7 + 8 // what is not the last fragment is a multiple of eight bytes
	}
	return n
}
