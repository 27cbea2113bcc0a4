package garbage

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cgroupLimit returns the least limit of memory of this process's cgroup (version 2) and
// those that it is in. own is /proc/self/cgroup, root where cgroups are mounted.
func cgroupLimit(own, root string) (least uint64, ok bool) {
	text, err := os.ReadFile(own)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		path, found := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !found {
			continue
		}
		for dir := filepath.Join("/", path); ; dir = filepath.Dir(dir) {
			v, err := os.ReadFile(filepath.Join(root, dir, "memory.max"))
			// "max" is none.
			if n, e := strconv.ParseUint(strings.TrimSpace(string(v)), 10, 64); err == nil && e == nil && (!ok || n < least) {
				least, ok = n, true
			}
			if dir == "/" {
				break
			}
		}
	}
	return least, ok
}
