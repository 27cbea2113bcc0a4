package classifier

// Uses is the ports, groups and meters that a decision asked on its way, beside tables. Each of these is a
// set by number, modulo the set's size: it may take one for another, and then a decision is
// translated again for nothing.
type Uses struct {
	Ports  [4]uint64 // that packets were to leave by, or that were asked whether they could
	Groups [4]uint64
	Meters [2]uint64
	Marks  Marks
}

// Marks is what else a decision depends on.
type Marks uint64

// The marks.
const (
	// Named: on rules by their names, whether they match or not (Creditor.Names).
	Named Marks = 1 << iota
	// Missed and Expired: on what is told of packets that no rule matches, and of those whose
	// TTL has expired.
	Missed
	Expired
)

// Port, Group and Meter add one of each.
func (u *Uses) Port(n uint32)   { u.Ports[n>>6&3] |= 1 << (n & 63) }
func (u *Uses) Group(id uint32) { u.Groups[id>>6&3] |= 1 << (id & 63) }
func (u *Uses) Meter(id uint32) { u.Meters[id>>6&1] |= 1 << (id & 63) }

// AllPorts, AllGroups and AllMeters add whatever there is and will be.
func (u *Uses) AllPorts()  { u.Ports = [4]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)} }
func (u *Uses) AllGroups() { u.Groups = [4]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)} }
func (u *Uses) AllMeters() { u.Meters = [2]uint64{^uint64(0), ^uint64(0)} }

// meets says whether both may have one in common.
func (u *Uses) meets(o *Uses) bool {
	return u.Ports[0]&o.Ports[0]|u.Ports[1]&o.Ports[1]|u.Ports[2]&o.Ports[2]|u.Ports[3]&o.Ports[3]|
		u.Groups[0]&o.Groups[0]|u.Groups[1]&o.Groups[1]|u.Groups[2]&o.Groups[2]|u.Groups[3]&o.Groups[3]|
		u.Meters[0]&o.Meters[0]|u.Meters[1]&o.Meters[1]|uint64(u.Marks&o.Marks) != 0
}

// differ returns the bits that one of both has.
func (u *Uses) differ(o *Uses) uint64 {
	d := uint64(u.Marks ^ o.Marks)
	for i := range u.Ports {
		d |= (u.Ports[i] ^ o.Ports[i]) | (u.Groups[i] ^ o.Groups[i])
	}
	for i := range u.Meters {
		d |= u.Meters[i] ^ o.Meters[i]
	}
	return d
}

// fold mixes all bits into one word, for a hash. The multiplications do not wait for each other.
func (u *Uses) fold() uint64 {
	const k = 0x9e3779b97f4a7c15
	p, g := &u.Ports, &u.Groups
	return p[0]*k + p[1]*(3*k&(1<<64-1)) + p[2]*(5*k&(1<<64-1)) + p[3]*(7*k&(1<<64-1)) +
		g[0]*(9*k&(1<<64-1)) + g[1]*(11*k&(1<<64-1)) + g[2]*(13*k&(1<<64-1)) + g[3]*(15*k&(1<<64-1)) +
		u.Meters[0]*(17*k&(1<<64-1)) + u.Meters[1]*(19*k&(1<<64-1)) + uint64(u.Marks)*(21*k&(1<<64-1))
}

// Others is a change of ports, groups and meters: what may have come to do something else to
// those who asked it.
type Others struct {
	Uses
	In [4]uint64 // as Uses.Ports: ports whose packets are received otherwise, or not at all
}

// Receives adds a port to In.
func (o *Others) Receives(n uint32) { o.In[n>>6&3] |= 1 << (n & 63) }

// touch says whether a decision about packets of port in, found by p, may be touched.
func (o *Others) touch(p *Path, in uint32) bool {
	return o.In[in>>6&3]>>(in&63)&1 != 0 || o.Uses.meets(&p.Uses)
}
