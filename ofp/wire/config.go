package wire

import (
	"encoding/binary"
	"fmt"

	"pollux/ofp/ofperr"
)

// Fragments is how a switch treats IP fragments (OFPC_FRAG_*).
type Fragments uint16

// The ways.
const (
	FragNormal Fragments = 0
	FragDrop   Fragments = 1
	FragReasm  Fragments = 2
	FragMatch  Fragments = 3 // Nicira's: first fragments can be matched as far as they go
)

// SwitchConfig is the body of GET_CONFIG_REPLY and SET_CONFIG.
type SwitchConfig struct {
	Fragments   Fragments
	MissSendLen uint16 // bytes of a packet that a table miss sends to the controller
}

// AppendConfig appends a GET_CONFIG_REPLY or SET_CONFIG.
func AppendConfig(b []byte, v Version, k Kind, xid uint32, c SwitchConfig) []byte {
	at := len(b)
	b = begin(b, v, k, xid)
	b = binary.BigEndian.AppendUint16(b, uint16(c.Fragments))
	return end(binary.BigEndian.AppendUint16(b, c.MissSendLen), at)
}

// ParseConfig reads the body of one.
func ParseConfig(body []byte) (SwitchConfig, error) {
	if len(body) != 4 {
		return SwitchConfig{}, fmt.Errorf("switch configuration of %d bytes, want 4: %w", len(body), ofperr.ConfigBadLen)
	}
	return SwitchConfig{Fragments(binary.BigEndian.Uint16(body)), binary.BigEndian.Uint16(body[2:])}, nil
}
