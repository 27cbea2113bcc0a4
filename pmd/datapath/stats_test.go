package datapath

import (
	"encoding/json"
	"strings"
	"testing"

	"pollux/actions"
)

func TestDropsAsJSON(t *testing.T) {
	var s Sums
	s.Dropped[actions.DropAction] = actions.Count{Packets: 3, Bytes: 180}
	s.Dropped[actions.DropTxFull] = actions.Count{Packets: 1, Bytes: 60}
	s.In.Packets, s.Sent.Packets = 10, 6
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"dropped":{"drop_action":{"packets":3,"bytes":180},"tx_full":{"packets":1,"bytes":60}}`; !strings.Contains(string(b), want) {
		t.Errorf("%s lacks %s", b, want)
	}
	var back Sums
	if err := json.Unmarshal(b, &back); err != nil || back != s {
		t.Errorf("read back %+v (%v), want %+v", back, err, s)
	}
	if back.Unaccounted() != 0 {
		t.Errorf("unaccounted %d", back.Unaccounted())
	}
	if err := json.Unmarshal([]byte(`{"dropped":{"bad_luck":{}}}`), &back); err == nil {
		t.Error("an unknown reason was accepted")
	}
}
