package mixed

// Kind is what a flow is made of.
type Kind uint8

// The kinds. Each but the last four is of IPv4 in one flow and of IPv6 in the other.
const (
	TCP Kind = iota
	UDP
	SCTP
	ICMP
	Bare     // a protocol without ports
	Fragment // UDP in two fragments: a flow of first and one of later ones
	ARP
	LLDP
	Local // an EtherType that nobody knows
	LLC   // a length instead of an EtherType (IEEE 802.3)
	numKinds
)

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{"tcp", "udp", "sctp", "icmp", "bare", "fragment", "arp", "lldp", "local", "llc"}[k]
}

// End is how a TCP flow ends.
type End uint8

// The ends.
const (
	Open End = iota // it does not, as far as was seen
	FIN
	RST
)

// part is which fragments a flow is.
type part uint8

const (
	whole part = iota
	first
	later
)

// Flow is a flow and the truth of it.
type Flow struct {
	Key
	Kind Kind
	Peer int      // index of the flow of the answers or of what is answered, -1 without
	End  End      // of TCP
	Sent []Counts // by file

	answers bool // Peer began
	part    part
	ttl     uint8
	inner   uint16 // TCI of the second tag
	padded  bool
	size    int // frames to make
	made    int
}

// Total returns what all the flow's frames add up to.
func (f *Flow) Total() (c Counts) {
	for _, o := range f.Sent {
		c.Add(o)
	}
	return c
}
