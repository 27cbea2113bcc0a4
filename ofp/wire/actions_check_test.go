package wire

import (
	"errors"
	"testing"

	"pollux/ofp/ofperr"
)

// write13 is the instruction that writes the given actions to the action set.
func write13(actions string) string { return "0003" + apply13(actions)[4:] }

// TestActionSetsPassOverMissingHeaders: what is refused where it is applied, as packets need not
// have the header, is accepted for the action set. Fields that are set are checked in both, and
// sources that read as 0 without a header in neither. So has Open vSwitch 3.1 it.
func TestActionSetsPassOverMissingHeaders(t *testing.T) {
	const setDst = "0019 0010 80001804 0a000001 00000000"
	for _, c := range []struct {
		name, actions  string
		applied, inSet ofperr.Error
	}{
		{"dec_ttl", "0018 0008 00000000", ofperr.ActionInconsistent, ofperr.NoError},
		{"set_nw_ttl", "0017 0008 09000000", ofperr.ActionInconsistent, ofperr.NoError},
		{"dec_mpls_ttl", "0010 0008 00000000", ofperr.ActionInconsistent, ofperr.NoError},
		{"set_mpls_ttl", "000f 0008 09000000", ofperr.ActionInconsistent, ofperr.NoError},
		{"copy_ttl_in", "000c 0008 00000000", ofperr.ActionInconsistent, ofperr.NoError},
		{"pop_vlan", "0012 0008 00000000", ofperr.ActionInconsistent, ofperr.NoError},
		{"pop_mpls", "0014 0008 08000000", ofperr.ActionInconsistent, ofperr.NoError},
		{"push_mpls, dec_ttl", "0013 0008 88470000 0018 0008 00000000", ofperr.ActionInconsistent, ofperr.NoError},
		{"set_field of ip_dst", setDst, ofperr.ActionInconsistent, ofperr.ActionInconsistent},
		{"push_mpls, set_field of ip_dst", "0013 0008 88470000" + setDst, ofperr.ActionInconsistent, ofperr.ActionInconsistent},
	} {
		for list, want := range map[string]ofperr.Error{apply13(c.actions): c.applied, write13(c.actions): c.inSet} {
			_, _, err := ParseFlowMod(V13, raw13(t, V13, 0, 0, "", list)[HeaderLen:], false)
			if want == ofperr.NoError && err != nil || want != ofperr.NoError && !errors.Is(err, want) {
				t.Errorf("%s in %s: %v, want %v", c.name, list[:4], err, want)
			}
		}
	}
}
