package flow

// Field names one field of the key; it indexes Fields.
type Field uint8

// The fields. Their order is that of text output.
const (
	FieldNone Field = iota
	RecircID
	InPort
	Metadata
	PktMark
	SkbPriority
	ActsetOutput
	PacketType
	ConjID
	TunID
	TunSrc
	TunDst
	TunIPv6Src
	TunIPv6Dst
	TunTOS
	TunTTL
	TunFlags
	TunGBPID
	TunGBPFlags
	CtState
	CtZone
	CtMark
	CtLabel
	CtNwProto
	CtNwSrc
	CtNwDst
	CtIPv6Src
	CtIPv6Dst
	CtTpSrc
	CtTpDst
	Reg0
	Reg1
	Reg2
	Reg3
	Reg4
	Reg5
	Reg6
	Reg7
	Reg8
	Reg9
	Reg10
	Reg11
	Reg12
	Reg13
	Reg14
	Reg15
	XReg0
	XReg1
	XReg2
	XReg3
	XReg4
	XReg5
	XReg6
	XReg7
	XXReg0
	XXReg1
	XXReg2
	XXReg3

	EthSrc
	EthDst
	EthType
	VlanTCI // the whole TCI, VlanCFI included (NXM vlan_tci)
	DlVlan  // the 12 bits of the VID (OpenFlow 1.0 dl_vlan)
	DlVlanPCP
	VlanVID // VID and VlanCFI (OXM vlan_vid)
	VlanTPID
	VlanTCI2
	VlanTPID2
	MPLSLabel
	MPLSTC
	MPLSBOS
	MPLSTTL

	IPv4Src
	IPv4Dst
	IPv6Src
	IPv6Dst
	IPv6Label
	IPProto
	IPTOS // all eight bits; as nw_tos in text the upper six
	IPDSCP
	IPECN
	IPTTL
	IPFrag
	ARPOp
	ARPSPA
	ARPTPA
	ARPSHA
	ARPTHA

	TCPSrc
	TCPDst
	TCPFlags
	UDPSrc
	UDPDst
	SCTPSrc
	SCTPDst
	ICMPType
	ICMPCode
	ICMPv6Type
	ICMPv6Code
	NDTarget
	NDSLL
	NDTLL
	NDReserved
	NDOptionsType
	IPv6ExtHdr

	NumFields
)

// Format is how a field's value is written.
type Format uint8

// The formats.
const (
	Decimal Format = iota
	Hex
	MAC
	IPv4
	IPv6
	OFPort      // a port number or name
	Frag        // no, yes, first, later, not_later
	TCPFlagBits // +syn-ack or a number
	TunFlagBits // oam: of tunnels' flags OpenFlow knows no other
	CtStateBits // +trk+est
	PacketTypeF // (ns,type)
)

// Prereq is what a packet must be for a field to exist in it.
type Prereq uint8

// The prerequisites, as OVS's meta-flow table names them.
const (
	PreNone Prereq = iota
	PreVLAN        // an outer VLAN tag
	PreMPLS
	PreARP
	PreIPv4
	PreIPv6
	PreIP // IPv4 or IPv6
	PreTCP
	PreUDP
	PreSCTP
	PreICMPv4
	PreICMPv6
	PreND     // neighbour solicitation or advertisement
	PreNDSol  // solicitation
	PreNDAdv  // advertisement
	PreCtIPv4 // tracked IPv4
	PreCtIPv6

	NumPrereqs
)

// Value is a field's value, right-aligned: Lo alone for fields up to 64 bits.
type Value struct{ Hi, Lo uint64 }

// IsZero says whether every bit is 0.
func (v Value) IsZero() bool { return v.Hi|v.Lo == 0 }

// And, AndNot, Or and Xor work bit by bit.
func (v Value) And(o Value) Value    { return Value{v.Hi & o.Hi, v.Lo & o.Lo} }
func (v Value) AndNot(o Value) Value { return Value{v.Hi &^ o.Hi, v.Lo &^ o.Lo} }
func (v Value) Or(o Value) Value     { return Value{v.Hi | o.Hi, v.Lo | o.Lo} }
func (v Value) Xor(o Value) Value    { return Value{v.Hi ^ o.Hi, v.Lo ^ o.Lo} }

// Shl shifts left by n bits, 0 ≤ n < 128.
func (v Value) Shl(n uint) Value {
	if n >= 64 {
		return Value{v.Lo << (n - 64), 0}
	}
	if n == 0 {
		return v
	}
	return Value{v.Hi<<n | v.Lo>>(64-n), v.Lo << n}
}

// Shr shifts right by n bits, 0 ≤ n < 128.
func (v Value) Shr(n uint) Value {
	if n >= 64 {
		return Value{0, v.Hi >> (n - 64)}
	}
	if n == 0 {
		return v
	}
	return Value{v.Hi >> n, v.Lo>>n | v.Hi<<(64-n)}
}

// Ones returns the value whose lowest n bits are 1, 0 ≤ n ≤ 128.
func Ones(n uint) Value {
	switch {
	case n == 0:
		return Value{}
	case n <= 64:
		return Value{0, ^uint64(0) >> (64 - n)}
	case n < 128:
		return Value{^uint64(0) >> (128 - n), ^uint64(0)}
	}
	return Value{^uint64(0), ^uint64(0)}
}

// Info is one row of the field table: everything that parser, printer, OXM,
// set-field and templates need to know of a field.
type Info struct {
	Name     string   // as ovs-ofctl prints it in matches
	Aliases  []string // other spellings in matches
	Word     Word     // where its lowest bits are (for 128 bits: the high word)
	Shift    uint8    // bit of the word that holds the field's bit 0
	Bits     uint8    // width in bits, 1 to 64, or 128 for two words
	Format   Format
	Pre      Prereq
	Maskable bool   // an arbitrary mask may be given
	Writable bool   // set_field, load and move may write it
	OXM      string // OXM_OF_… or ONF experimenter name, "" if none
	OXMClass uint16 // with OXMField, the OXM header, where OXM is not ""
	OXMField uint8
	NXM      string // NXM_… name, "" if none
	NXMClass uint16
	NXMField uint8
}

// Get reads the field from k.
func (f Field) Get(k *Key) Value { return f.read(&k.W) }

// GetMask reads the field's bits of m.
func (f Field) GetMask(m *Mask) Value { return f.read(&m.W) }

func (f Field) read(w *[NumWords]uint64) Value {
	i := &Fields[f]
	if i.Bits == 128 {
		return Value{w[i.Word], w[i.Word+1]}
	}
	return Value{0, w[i.Word] >> i.Shift & (^uint64(0) >> (64 - i.Bits))}
}

// Set writes v to the field in k and marks the word present. Bits of v beyond
// the field's width are ignored.
func (f Field) Set(k *Key, v Value) {
	i := &Fields[f]
	if i.Bits == 128 {
		k.Set(i.Word, v.Hi)
		k.Set(i.Word+1, v.Lo)
		return
	}
	ones := ^uint64(0) >> (64 - i.Bits) << i.Shift
	k.Set(i.Word, k.W[i.Word]&^ones|v.Lo<<i.Shift&ones)
}

// OrMask adds the field's bits v to the mask m.
func (f Field) OrMask(m *Mask, v Value) {
	i := &Fields[f]
	if i.Bits == 128 {
		m.Or(i.Word, v.Hi)
		m.Or(i.Word+1, v.Lo)
		return
	}
	m.Or(i.Word, v.Lo<<i.Shift&(^uint64(0)>>(64-i.Bits)<<i.Shift))
}

// Full returns the value of the field's width with every bit 1.
func (f Field) Full() Value { return Ones(uint(Fields[f].Bits)) }

// Name returns the field's name as matches print it.
func (f Field) Name() string { return Fields[f].Name }
