package peers

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMade: the count is what flowgen wrote; a file that is not one is an error.
func TestMade(t *testing.T) {
	d := testpmdDevice{count: filepath.Join(t.TempDir(), "made")}
	if n, err := d.made(); err == nil {
		t.Errorf("%d without a file", n)
	}
	for _, c := range []struct {
		b    []byte
		n    uint64
		want string
	}{
		{binary.NativeEndian.AppendUint64(nil, 1<<40+7), 1<<40 + 7, ""},
		{make([]byte, 4), 0, "4 bytes, want 8"},
	} {
		if err := os.WriteFile(d.count, c.b, 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := d.made()
		if n != c.n || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%x: %d, %v", c.b, n, err)
		}
	}
}
