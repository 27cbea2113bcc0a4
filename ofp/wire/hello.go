package wire

import "encoding/binary"

// helloVersionBitmap is OFPHET_VERSIONBITMAP (OpenFlow 1.3 section A.5.1).
const helloVersionBitmap = 1

// AppendHello appends a HELLO that offers versions: its header has the highest, and
// if that is not 1.0, which knows no elements, the bitmap has all of them.
func AppendHello(b []byte, versions Versions, xid uint32) []byte {
	at := len(b)
	high := versions.Highest()
	b = begin(b, high, Hello, xid)
	if high > V10 {
		b = binary.BigEndian.AppendUint16(b, helloVersionBitmap)
		b = binary.BigEndian.AppendUint16(b, 8)
		b = binary.BigEndian.AppendUint32(b, uint32(versions))
	}
	return end(b, at)
}

// Offer is what a HELLO says of its sender's versions.
type Offer struct {
	Version  Version  // of the header
	Versions Versions // of the bitmap
	Bitmap   bool     // there was one
}

// ParseHello reads a HELLO with header h and the given body. Elements that are not
// known are skipped, and so is a body that is no list of elements: both are from
// versions to come (section 6.3.1 of 1.3: a hello's content is to be ignored then).
func ParseHello(h Header, body []byte) Offer {
	o := Offer{Version: h.Version}
	for len(body) >= 4 {
		kind, n := binary.BigEndian.Uint16(body), int(binary.BigEndian.Uint16(body[2:]))
		if n < 4 || n > len(body) {
			break
		}
		if kind == helloVersionBitmap && n >= 8 && !o.Bitmap {
			// Only the first of the bitmaps has versions that anybody speaks.
			o.Versions, o.Bitmap = Versions(binary.BigEndian.Uint32(body[4:])), true
		}
		body = body[min(len(body), (n+7)&^7):]
	}
	return o
}

// Agree returns the version that two peers use: the highest that both bitmaps have,
// else, when the peer sent none, the lower of both headers' versions if we speak it.
// It is 0 if there is none (section 6.3.1).
func (o Offer) Agree(ours Versions) Version {
	if o.Bitmap {
		return (o.Versions & ours).Highest()
	}
	v := min(o.Version, ours.Highest())
	if !ours.Has(v) {
		return 0
	}
	return v
}
