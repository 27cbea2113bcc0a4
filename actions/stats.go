package actions

import "pollux/internal/packet"

// Count is a number of packets and their bytes.
type Count struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

func (c *Count) add(packets int, bytes uint64) {
	c.Packets += uint64(packets)
	c.Bytes += bytes
}

// Stats says where the frames of one Exec went; it only grows. In packets,
// In + Clones + Late = Staged + Consumed + the sum of Drops[:].
type Stats struct {
	In     Count // frames given to Run
	Clones Count // copies that outputs and OpControllers asked for, whether or not there was room for them
	Staged Count // frames laid in staging areas
	Late   Count // frames given to Drop, after they were staged or without a program
	// Consumed are packets and copies whose way ended with a controller.
	Consumed Count
	// PuntsLaid are packets that the control plane was left, those among them that were
	// dropped afterwards.
	PuntsLaid Count
	Drops     Drops // of all ports and of none
}

// Drops are counts of frames dropped, by reason.
type Drops [NumReasons]Count

// PortDrops are the Drops of a port in one loop. Other loops have theirs on other lines.
type PortDrops struct {
	Drops
	_ [(128 - int(NumReasons)*16%128) % 128]byte
}

// Dropped returns the sum of Drops.
func (s *Stats) Dropped() (c Count) {
	for i := range s.Drops {
		c.Packets += s.Drops[i].Packets
		c.Bytes += s.Drops[i].Bytes
	}
	return c
}

// Drop counts frames that the loop itself gives up and releases their chunks: frames
// that a transmit ring had no room for, or that no program was found for. of is where
// they are counted besides Stats: those of the port that had no room; nil is Unplaced.
// Flush may call it.
func (e *Exec) Drop(r Reason, d []packet.Desc, of *PortDrops) {
	var bytes uint64
	for i := range d {
		bytes += uint64(d[i].Len)
		e.kill(d[i].Addr)
	}
	e.Late.add(len(d), bytes)
	if of == nil {
		of = &e.Unplaced
	}
	e.count(r, len(d), bytes, of)
	e.release()
}

// dropped counts n frames under r, which is no fault of the port they were to leave by.
func (e *Exec) dropped(r Reason, n int, bytes uint64) { e.count(r, n, bytes, e.From) }

// count counts n frames under r, in all and of a port.
func (e *Exec) count(r Reason, n int, bytes uint64, of *PortDrops) {
	e.Drops[r].add(n, bytes)
	of.Drops[r].add(n, bytes)
}
