package wire

import (
	"errors"
	"testing"

	"pollux/ofp/ofperr"
)

func init() {
	for _, k := range []Kind{RoleRequest, RoleReply} {
		readers[k] = of(func(v Version, b []byte) (*RoleMsg, error) { return ParseRole(v, k, b) },
			func(b []byte, v Version, xid uint32, r *RoleMsg) []byte { return AppendRole(b, v, k, xid, r) })
	}
	for _, sub := range []uint32{NXTRoleRequest, NXTRoleReply} {
		extensions[[2]uint32{Nicira, sub}] = of(func(_ Version, b []byte) (*RoleMsg, error) { return ParseRoleNXT(b) },
			func(b []byte, v Version, xid uint32, r *RoleMsg) []byte { return AppendRoleNXT(b, v, xid, sub, r) })
	}
	extensions[[2]uint32{ONF, ONFRoleStatus}] = of(func(_ Version, b []byte) (*RoleStatusMsg, error) { return ParseRoleStatus(b) }, AppendRoleStatus)
	readers[RoleStatus] = of(func(_ Version, b []byte) (*RoleStatusMsg, error) { return ParseRoleStatus(b) }, AppendRoleStatus)
	for _, k := range []Kind{GetAsyncReply, SetAsync} {
		readers[k] = of(func(v Version, b []byte) (*AsyncConfig, error) {
			c, err := ParseAsync(v, b, AsyncConfig{})
			return &c, err
		}, func(b []byte, v Version, xid uint32, c *AsyncConfig) []byte { return AppendAsync(b, v, k, xid, c) })
	}
	for _, sub := range []uint32{NXTSetAsync, NXTSetAsync2} {
		extensions[[2]uint32{Nicira, sub}] = of(func(v Version, b []byte) (*AsyncConfig, error) {
			c, err := ParseAsyncNXT(v, sub, b, AsyncConfig{})
			return &c, err
		}, func(b []byte, v Version, xid uint32, c *AsyncConfig) []byte { return AppendAsyncNXT(b, v, xid, sub, c) })
	}
	samplesOf = append(samplesOf, roleSamples)
}

func roleSamples(v Version) map[string][]byte {
	all := DefaultAsync(v)
	if v >= V14 {
		all.Master[AsyncRoleStatus], all.Slave[AsyncTableStatus], all.Master[AsyncRequestForward] = 7, 0x18, 3
	}
	out := map[string][]byte{
		"nxt-role-request": AppendRoleNXT(nil, v, 2, NXTRoleRequest, &RoleMsg{Role: RoleMaster}),
		"nxt-role-reply":   AppendRoleNXT(nil, v, 2, NXTRoleReply, &RoleMsg{Role: RoleSlave}),
	}
	if v <= V13 {
		out["nxt-set-async2"] = AppendAsyncNXT(nil, v, 4, NXTSetAsync2, &all)
	}
	if v == V10 {
		out["nxt-set-async"] = AppendAsyncNXT(nil, v, 3, NXTSetAsync, &all)
		return out
	}
	out["role-request"] = AppendRole(nil, v, RoleRequest, 5, &RoleMsg{Role: RoleMaster, Generation: 9, HasGeneration: true})
	out["role-request-no-change"] = AppendRole(nil, v, RoleRequest, 5, &RoleMsg{Role: RoleNoChange})
	out["role-reply"] = AppendRole(nil, v, RoleReply, 5, &RoleMsg{Role: RoleEqual})
	out["role-reply-generation"] = AppendRole(nil, v, RoleReply, 5, &RoleMsg{Role: RoleSlave, Generation: 9, HasGeneration: true})
	out["set-async"] = AppendAsync(nil, v, SetAsync, 6, &all)
	out["get-async-reply"] = AppendAsync(nil, v, GetAsyncReply, 6, &all)
	if v >= V13 {
		out["role-status"] = AppendRoleStatus(nil, v, 0, &RoleStatusMsg{Role: RoleSlave, Reason: RoleMasterRequest, Generation: 10})
	}
	return out
}

func TestBadRoles(t *testing.T) {
	if _, err := ParseRole(V13, RoleRequest, make([]byte, 8)); !errors.Is(err, ofperr.BadLen) {
		t.Errorf("short: %v", err)
	}
	if _, err := ParseRole(V13, RoleRequest, []byte{15: 0, 3: 4}); !errors.Is(err, ofperr.RoleBad) {
		t.Errorf("role 4: %v", err)
	}
	if _, err := ParseRoleNXT([]byte{0, 0, 0, 3}); !errors.Is(err, ofperr.RoleBad) {
		t.Errorf("Nicira's role 3: %v", err)
	}
}

// Every request for master and slave has a generation id, and no other.
func TestGenerations(t *testing.T) {
	for role, want := range map[Role]bool{RoleNoChange: false, RoleEqual: false, RoleMaster: true, RoleSlave: true} {
		b := AppendRole(nil, V13, RoleRequest, 1, &RoleMsg{Role: role, Generation: noGeneration, HasGeneration: true})
		if r, err := ParseRole(V13, RoleRequest, b[HeaderLen:]); err != nil || r.HasGeneration != want {
			t.Errorf("role %d: %+v, %v", role, r, err)
		}
	}
}

// In 1.4 and up a request changes what it names; in 1.3 what it does not name is off.
func TestAsyncBasis(t *testing.T) {
	one := property32(nil, 2*uint16(AsyncPortStatus)+1, 1<<PortDeleted)
	c, err := ParseAsync(V14, one, DefaultAsync(V14))
	if err != nil {
		t.Fatal(err)
	}
	if c.Wants(false, AsyncPortStatus, uint8(PortAdded)) || !c.Wants(false, AsyncPortStatus, uint8(PortDeleted)) ||
		!c.Wants(true, AsyncPortStatus, uint8(PortAdded)) || !c.Wants(false, AsyncPacketIn, uint8(ReasonNoMatch)) {
		t.Errorf("%+v", c)
	}
	if c, err = ParseAsync(V13, make([]byte, 24), DefaultAsync(V13)); err != nil || c != (AsyncConfig{}) {
		t.Errorf("%+v, %v", c, err)
	}
	d := DefaultAsync(V13)
	if d.Wants(false, AsyncPacketIn, uint8(ReasonInvalidTTL)) || d.Wants(true, AsyncPacketIn, 0) || d.Wants(false, AsyncPacketIn, 200) {
		t.Errorf("%+v", d)
	}
}

func TestBadAsync(t *testing.T) {
	for _, c := range []struct {
		name string
		v    Version
		body []byte
		want ofperr.Error
	}{
		{"a reason that there is not", V14, property32(nil, 3, 8), ofperr.AsyncInvalid},
		{"a kind that there is not", V14, property32(nil, 12, 1), ofperr.AsyncUnsupported},
		{"a kind of 1.5", V15, property32(nil, 12, 1), 0},
		{"an experimenter's", V14, endProperty(startVendorProperty(nil, 1, 2), 0), ofperr.PropertyBadExperimenterType},
		{"too long", V14, property64(nil, 3, 1), ofperr.PropertyBadLen},
		{"five masks", V13, make([]byte, 20), ofperr.BadLen},
	} {
		_, err := ParseAsync(c.v, c.body, AsyncConfig{})
		if c.want == 0 && err != nil || c.want != 0 && !errors.Is(err, c.want) {
			t.Errorf("%s in %s: %v, want %v", c.name, c.v, err, c.want)
		}
	}
}
