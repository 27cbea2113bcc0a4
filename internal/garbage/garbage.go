// Package garbage has the collector run seldom.
//
// Each collection stops every loop three times: to begin, to look at its stack, and to
// end. That takes 20 to 50 µs where the other threads of the process have cores to run
// on, and milliseconds where they have one that is busy marking. By the runtime's own rule
// garbage is collected when there is as much of it as there is memory in use. A switch
// uses some 35 MB, and its control plane makes 20 MB of garbage a second when it is
// busy: a collection every two seconds. Memory is cheaper than that.
package garbage

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"

	"golang.org/x/sys/unix"
)

// What Room gives.
const (
	leastRoom = 64 << 20
	mostRoom  = 1 << 30
	roomShare = 16 // of the machine's memory, or of what the cgroup may use, a part in so many
)

// Room is how much garbage may lie about on a machine with so much memory.
func Room(memory uint64) uint64 {
	return min(max(memory/roomShare, leastRoom), mostRoom)
}

// Seldom has garbage collected when there is as much of it as Room says, or as much as
// the memory in use, whichever is more. It says what it did. GOGC and GOMEMLIMIT in the
// environment are obeyed: then nothing changes. stop ends it.
func Seldom() (said string, stop func()) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if v, ok := os.LookupEnv(name); ok {
			return fmt.Sprintf("collected as %s=%s in the environment has it", name, v), func() {}
		}
	}
	k := &keeper{room: Room(memory())}
	k.set()
	k.watch()
	return fmt.Sprintf("collected when there are %d MB of it", k.room>>20), k.stop
}

// keeper keeps the room as memory in use grows and shrinks.
type keeper struct {
	room uint64

	mu      sync.Mutex
	percent int // that is set now
	stopped bool
}

// set has the next collection when there is room of garbage, and says whether it is to be
// looked at again.
func (k *keeper) set() (again bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped {
		return false
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	want := percent(k.room, live[0].Value.Uint64())
	// Setting it stops the world once, which is what this is to avoid: so only where it
	// makes a difference.
	if k.percent == 0 || want > k.percent*3/2 || want < k.percent*2/3 {
		k.percent = want
		debug.SetGCPercent(want)
	}
	return true
}

// leastLive is for what is in use while nothing is known, or nearly nothing.
const leastLive = 32 << 20

// percent is GOGC for so much room beside what is in use: never less than the runtime's
// own 100.
func percent(room, live uint64) int {
	return int(max(100*room/max(live, leastLive), 100))
}

// watch looks again after every collection: an object that nobody holds is finalized by
// each.
func (k *keeper) watch() {
	type canary struct{ _ [16]byte } // too large to share its block with others
	runtime.SetFinalizer(new(canary), func(*canary) {
		if k.set() {
			k.watch()
		}
	})
}

func (k *keeper) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	debug.SetGCPercent(100)
}

// memory is how much the machine has, or the cgroup may use where that is less.
func memory() uint64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	all := uint64(info.Totalram) * uint64(info.Unit)
	if limit, ok := cgroupLimit("/proc/self/cgroup", "/sys/fs/cgroup"); ok {
		all = min(all, limit)
	}
	return all
}
