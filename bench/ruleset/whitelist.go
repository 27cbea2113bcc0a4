package ruleset

import "math/rand/v2"

// What the whitelist lets pass.
const (
	openPort   = 80
	openSource = 12345
	openHost   = uint32(10<<24 | 7)
)

// newWhitelist makes three rules that let pass, and one that drops the rest. Translating
// what matches none of them has to tell why not, and with prefixes of each field that is
// 16 × 32 × 16 ways: as many masks, each with a packet that needs it.
func newWhitelist() *Set {
	s := &Set{Lines: []string{
		"priority=40,in_port=1,tcp,tp_dst=80,actions=output:2",
		"priority=30,in_port=1,tcp,nw_src=10.0.0.7,actions=output:2",
		"priority=20,in_port=1,tcp,tp_src=12345,actions=output:2",
		"priority=10,in_port=1,actions=drop",
	}}
	s.draw = func(rng *rand.Rand) Packet {
		return Packet{
			SrcMAC: 0x020000000001, DstMAC: 0x020000000002, Proto: TCP, DstPort: openPort,
			Src: addr4(10<<24 | 1<<16 | rng.Uint32N(1<<16)), Dst: addr4(10<<24 | 200<<16 | 1), SrcPort: uint16(1024 + rng.IntN(60000)),
		}
	}
	s.attack = explosion
	return s
}

// explosionRounds is how often the attack needs each mask before packets come again, with
// other bits where the mask has none: more packets than an exact-match cache holds.
const explosionRounds = 32

// explosion makes a packet for each of the masks, and again.
func explosion(rng *rand.Rand) (list []Packet) {
	for range explosionRounds {
		for d := range 16 {
			for h := range 32 {
				for p := range 16 {
					list = append(list, Packet{
						SrcMAC: 0x020000000003, DstMAC: 0x020000000002, Proto: TCP,
						Src: addr4(uint32(apart(rng, uint64(openHost), 31-h))), Dst: addr4(10<<24 | 200<<16 | 1),
						SrcPort: uint16(apart(rng, openSource, 15-p)), DstPort: uint16(apart(rng, openPort, 15-d)),
					})
				}
			}
		}
	}
	return list
}

// apart draws a number that agrees with v above a bit, and differs from it in that.
func apart(rng *rand.Rand, v uint64, bit int) uint64 {
	return v ^ 1<<bit ^ rng.Uint64N(1<<bit)
}
