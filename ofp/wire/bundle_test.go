package wire

import (
	"bytes"
	"errors"
	"testing"

	"pollux/ofp/ofperr"
)

func init() {
	control := of(func(_ Version, b []byte) (*BundleMsg, error) { return ParseBundleControl(b) },
		func(b []byte, v Version, xid uint32, m *BundleMsg) []byte {
			return AppendBundle(b, v, BundleControl, xid, m)
		})
	// The message in it has the xid of the sample, 7.
	add := of(func(v Version, b []byte) (*BundleMsg, error) { return ParseBundleAdd(Header{Version: v, XID: 7}, b) },
		func(b []byte, v Version, xid uint32, m *BundleMsg) []byte {
			return AppendBundle(b, v, BundleAdd, xid, m)
		})
	readers[BundleControl], readers[BundleAdd] = control, add
	extensions[[2]uint32{ONF, ONFBundleControl}], extensions[[2]uint32{ONF, ONFBundleAdd}] = control, add
	readers[RequestForward] = of(ParseRequestForward, AppendRequestForward)
	readers[ControllerStatus] = of(func(_ Version, b []byte) (*ControllerState, error) { return ParseControllerStatus(b) }, AppendControllerStatus)
	partReplies[PartControllerStatus] = records(PartControllerStatus,
		func(_ Version, b []byte) (*ControllerState, []byte, error) { return ParseControllerState(b) },
		func(b []byte, _ Version, s *ControllerState) []byte { return s.Append(b) })
	unknownToOVS["OpenFlow15 controller-status"] = true
	unknownToOVS["OpenFlow15 controller-status-part"] = true
	samplesOf = append(samplesOf, bundleSamples)
}

func bundleSamples(v Version) map[string][]byte {
	if v == V10 {
		return nil
	}
	mod := AppendPortMod(nil, v, 7, &PortModMsg{Port: 1, Mask: PortDown})
	out := map[string][]byte{
		"bundle-open":         AppendBundle(nil, v, BundleControl, 5, &BundleMsg{ID: 9, Flags: BundleAtomic | BundleOrdered}),
		"bundle-commit-reply": AppendBundle(nil, v, BundleControl, 6, &BundleMsg{ID: 9, Type: BundleCommit.Reply(), Flags: BundleAtomic}),
		"bundle-add":          AppendBundle(nil, v, BundleAdd, 7, &BundleMsg{ID: 9, Flags: BundleOrdered, Message: mod}),
	}
	if v >= V14 {
		meter := AppendMessage(nil, v, MeterMod, 8, []byte{0, 2, 0, 0, 0, 0, 0, 5})
		out["request-forward"] = AppendRequestForward(nil, v, 8, meter)
	}
	if v >= V15 {
		up := &ControllerState{ShortID: 3, Role: RoleMaster, Reason: ControllerRole, URI: "tcp:10.0.0.1:6653"}
		out["controller-status"] = AppendControllerStatus(nil, v, 0, up)
		out["controller-status-part"] = partReplies[PartControllerStatus].append(v, 1, []*ControllerState{up, {Role: RoleEqual, Down: true}})
	}
	return out
}

// Numbers of replies are one more than those of their requests.
func TestBundleTypes(t *testing.T) {
	for request, reply := range map[BundleType]BundleType{BundleOpen: 1, BundleClose: 3, BundleCommit: 5, BundleDiscard: 7} {
		if request.Reply() != reply {
			t.Errorf("%d: %d, want %d", request, request.Reply(), reply)
		}
	}
}

func TestBadBundles(t *testing.T) {
	h := Header{Version: V14, XID: 7}
	mod := AppendPortMod(nil, V14, 7, &PortModMsg{Port: 1})
	add := func(msg []byte, flags BundleFlags) error {
		b := AppendBundle(nil, V14, BundleAdd, 7, &BundleMsg{ID: 1, Flags: flags, Message: msg})
		_, err := ParseBundleAdd(h, b[HeaderLen:])
		return err
	}
	control := func(m *BundleMsg) error {
		_, err := ParseBundleControl(AppendBundle(nil, V14, BundleControl, 7, m)[HeaderLen:])
		return err
	}
	other, later := bytes.Clone(mod), bytes.Clone(mod)
	other[0], later[7] = byte(V13), 8
	for _, c := range []struct {
		name string
		got  error
		want ofperr.Error
	}{
		{"a message", add(mod, 0), 0},
		{"with padding", add(append(bytes.Clone(mod), 0, 0), 0), ofperr.PropertyBadLen},
		{"with a property", add(append(bytes.Clone(mod), 0, 1, 0, 8, 0, 0, 0, 0), 0), ofperr.PropertyBadType},
		{"cut", add(mod[:len(mod)-1], 0), ofperr.BundleBadMessageLen},
		{"nothing", add(nil, 0), ofperr.BundleBadMessageLen},
		{"another version", add(other, 0), ofperr.BundleBadVersion},
		{"another xid", add(later, 0), ofperr.BundleBadXID},
		{"flags", add(mod, 4), ofperr.BundleBadFlags},
		{"flags of control", control(&BundleMsg{Flags: 8}), ofperr.BundleBadFlags},
		{"type 8", control(&BundleMsg{Type: 8}), ofperr.BundleBadType},
		{"discard", control(&BundleMsg{Type: BundleDiscard}), 0},
	} {
		if c.want == 0 && c.got != nil || c.want != 0 && !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}
