package wire

import (
	"errors"
	"fmt"

	"pollux/ofp/ofperr"
)

// AsyncKind is a message that a switch sends unasked, if the controller wants it.
type AsyncKind uint8

// The kinds, in the order of the properties of 1.4 and up.
const (
	AsyncPacketIn AsyncKind = iota
	AsyncPortStatus
	AsyncFlowRemoved
	AsyncRoleStatus
	AsyncTableStatus
	AsyncRequestForward
	AsyncFlowStats        // 1.5
	AsyncControllerStatus // 1.5
	NumAsync
)

// AsyncConfig is which of them a controller wants: for each kind a mask of reasons, bit n of
// the reason with number n on the wire; and that for both sorts of roles.
type AsyncConfig struct {
	Master [NumAsync]uint32 // as master or equal
	Slave  [NumAsync]uint32
}

// Wants says whether a controller that is a slave, or not, wants a message of kind k for
// the given reason, which is the one that its version has.
func (c *AsyncConfig) Wants(slave bool, k AsyncKind, reason uint8) bool {
	m := &c.Master
	if slave {
		m = &c.Slave
	}
	return reason < 32 && m[k]>>reason&1 != 0
}

// reasonsOf are the reasons of 1.0 to 1.3, and of 1.4 and up. Those of flows removed are all
// in all versions, as Open vSwitch has them.
var reasonsOf = [NumAsync][2]uint32{
	AsyncPacketIn:         {0x07, 0x3f},
	AsyncPortStatus:       {0x07, 0x07},
	AsyncFlowRemoved:      {0x3f, 0x3f},
	AsyncRoleStatus:       {0x07, 0x07},
	AsyncTableStatus:      {0x18, 0x18},
	AsyncRequestForward:   {0x03, 0x03},
	AsyncFlowStats:        {0x03, 0x03},
	AsyncControllerStatus: {0x7f, 0x7f},
}

// reasons returns the mask of the reasons that v has for k.
func (k AsyncKind) reasons(v Version) uint32 {
	if v >= V14 {
		return reasonsOf[k][1]
	}
	return reasonsOf[k][0]
}

// kindsOf returns how many of the kinds properties of v have.
func kindsOf(v Version) AsyncKind {
	if v >= V15 {
		return NumAsync
	}
	return AsyncRequestForward + 1
}

// DefaultAsync is what a controller of version v wants that has said nothing (OpenFlow 1.3
// section 7.3.10, and Open vSwitch where the specification leaves it open): as master or
// equal packet-ins but those of an invalid TTL, all changes of ports, and all flows removed;
// as slave the changes of ports.
func DefaultAsync(v Version) (c AsyncConfig) {
	c.Master[AsyncPacketIn] = AsyncPacketIn.reasons(v) &^ (1 << ReasonInvalidTTL)
	c.Master[AsyncPortStatus] = AsyncPortStatus.reasons(v)
	c.Slave[AsyncPortStatus] = AsyncPortStatus.reasons(v)
	switch {
	case v >= V14:
		c.Master[AsyncFlowRemoved] = 0x3f
	case v >= V13:
		c.Master[AsyncFlowRemoved] = 0x0f
	default:
		c.Master[AsyncFlowRemoved] = 0x07
	}
	return c
}

// asyncMasks is how many masks 1.3 has, and NXTSetAsync: of the first three kinds.
const asyncMasks = 6

// AppendAsync appends a GET_ASYNC_REPLY or SET_ASYNC (1.3 and up). Reasons, and in 1.3
// kinds, that v does not have are left out; so are the kinds of 1.5, which Open vSwitch's
// tools do not know, when nothing of them is wanted.
func AppendAsync(b []byte, v Version, k Kind, xid uint32, c *AsyncConfig) []byte {
	at := len(b)
	b = begin(b, v, k, xid)
	if v >= V14 {
		return end(c.appendProperties(b, v), at)
	}
	return end(c.appendMasks(b, v), at)
}

// AppendAsyncNXT appends a NXTSetAsync (1.0) or NXTSetAsync2, by subtype.
func AppendAsyncNXT(b []byte, v Version, xid, subtype uint32, c *AsyncConfig) []byte {
	at := len(b)
	b = beginExtension(b, v, xid, Nicira, subtype)
	if subtype == NXTSetAsync2 {
		return end(c.appendProperties(b, v), at)
	}
	return end(c.appendMasks(b, v), at)
}

func (c *AsyncConfig) appendMasks(b []byte, v Version) []byte {
	for k := AsyncPacketIn; k <= AsyncFlowRemoved; k++ {
		b = be.AppendUint32(b, c.Master[k]&k.reasons(v))
		b = be.AppendUint32(b, c.Slave[k]&k.reasons(v))
	}
	return b
}

func (c *AsyncConfig) appendProperties(b []byte, v Version) []byte {
	for k := range kindsOf(v) {
		if k > AsyncRequestForward && c.Master[k]|c.Slave[k] == 0 {
			continue
		}
		b = property32(b, 2*uint16(k), c.Slave[k]&k.reasons(v))
		b = property32(b, 2*uint16(k)+1, c.Master[k]&k.reasons(v))
	}
	return b
}

// ParseAsync reads the body of a GET_ASYNC_REPLY or SET_ASYNC. In 1.4 and up it changes
// what it names of basis; in 1.3 it is all that is wanted. Errors are of 1.4 and up:
// ofperr.AsyncInvalid for a reason and ofperr.AsyncUnsupported for a kind that is not known.
func ParseAsync(v Version, body []byte, basis AsyncConfig) (AsyncConfig, error) {
	if v >= V14 {
		return parseAsyncProperties(v, body, basis)
	}
	return parseAsyncMasks(v, body)
}

// ParseAsyncNXT reads the body of a NXTSetAsync or NXTSetAsync2, by subtype: as ParseAsync
// does of 1.3 and of 1.4.
func ParseAsyncNXT(v Version, subtype uint32, body []byte, basis AsyncConfig) (AsyncConfig, error) {
	if subtype == NXTSetAsync2 {
		return parseAsyncProperties(v, body, basis)
	}
	return parseAsyncMasks(v, body)
}

// parseAsyncMasks reads the masks of 1.3. Reasons that the version does not have are
// ignored: it has no error for them, and controllers ask with all bits set.
func parseAsyncMasks(v Version, body []byte) (c AsyncConfig, err error) {
	if len(body) != 4*asyncMasks {
		return c, fmt.Errorf("masks of asynchronous messages of %d bytes, want %d: %w", len(body), 4*asyncMasks, ofperr.BadLen)
	}
	for k := AsyncPacketIn; k <= AsyncFlowRemoved; k++ {
		c.Master[k] = be.Uint32(body[8*k:]) & k.reasons(v)
		c.Slave[k] = be.Uint32(body[8*k+4:]) & k.reasons(v)
	}
	return c, nil
}

func parseAsyncProperties(v Version, body []byte, c AsyncConfig) (AsyncConfig, error) {
	for len(body) > 0 {
		// Those of experimenters have two types, for slaves and for others.
		p, rest, err := nextProperty(body, propExperimenter-1)
		if err != nil {
			return c, err
		}
		body = rest
		k := AsyncKind(p.kind >> 1)
		if p.kind >= 2*uint16(kindsOf(v)) {
			err := p.unknown("the configuration of asynchronous messages")
			if errors.Is(err, ofperr.PropertyBadType) {
				err = fmt.Errorf("asynchronous messages of type %d: %w", p.kind, ofperr.AsyncUnsupported)
			}
			return c, err
		}
		mask, err := p.u32()
		if err != nil {
			return c, err
		}
		if mask&^k.reasons(v) != 0 {
			return c, fmt.Errorf("reasons %#x of asynchronous messages, of which there are %#x: %w", mask, k.reasons(v), ofperr.AsyncInvalid)
		}
		if p.kind&1 != 0 {
			c.Master[k] = mask
		} else {
			c.Slave[k] = mask
		}
	}
	return c, nil
}
