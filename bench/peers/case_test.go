package peers

import (
	"strings"
	"testing"
)

// TestCases: every case can be told by its ID and its text, fits the table, and has what
// it is measured against before it.
func TestCases(t *testing.T) {
	seen, text := map[string]bool{"": true}, map[string]bool{}
	for _, c := range Cases() {
		if seen[c.ID] || text[c.Traffic] || len(c.Traffic) > 30 {
			t.Errorf("%s %q: twice, or longer than its column", c.ID, c.Traffic)
		}
		if !seen[c.Against] {
			t.Errorf("%s comes before %s, which it is against", c.ID, c.Against)
		}
		seen[c.ID], text[c.Traffic] = true, true
		if n := strings.Count(c.Rules, "\n"); c.Scenario == "" && n != c.Masks {
			t.Errorf("%s: %d rules for %d masks", c.ID, n, c.Masks)
		}
		if c.Kind == "" || c.Masks < 1 || c.Masks > 24 || c.Scenario == "" && c.Kind != KindNew && c.Flows < 1 {
			t.Errorf("%+v", c)
		}
	}
}

func TestOnly(t *testing.T) {
	for text, want := range map[string]string{"SMC": "100000f-20m-smc 1000000f-20m-smc", "begin": "elephants mice", "under attack": "attack-none attack"} {
		list, err := Only(Cases(), text)
		var ids []string
		for _, c := range list {
			ids = append(ids, c.ID)
		}
		if got := strings.Join(ids, " "); err != nil || got != want {
			t.Errorf("%q: %s, %v: want %s", text, got, err, want)
		}
	}
	if _, err := Only(Cases(), "what"); err == nil || !strings.Contains(err.Error(), "1f-port") {
		t.Errorf("%v", err)
	}
}

func TestCommas(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := commas(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
