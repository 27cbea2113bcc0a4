package peers

import "testing"

// TestCountSamples: of what Open vSwitch says of its megaflows, those of the source count,
// not that of the packets that came before its plug-in filled them.
func TestCountSamples(t *testing.T) {
	for name, want := range map[string]int{"dump-flows-input.txt": 1, "dump-flows-both.txt": 2} {
		if least, most := countSamples(golden(t, name)); least != want || most != want {
			t.Errorf("%s: %d to %d, want %d", name, least, most, want)
		}
	}
	both := golden(t, "dump-flows-input.txt") + golden(t, "dump-flows-both.txt")
	if least, most := countSamples(both); least != 1 || most != 2 {
		t.Errorf("megaflows that differ: %d to %d, want 1 to 2", least, most)
	}
	if least, most := countSamples("flow-dump from pmd on cpu core: 1\n"); least != 0 || most != 0 {
		t.Errorf("no megaflow: %d to %d", least, most)
	}
}
