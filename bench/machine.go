package bench

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"pollux/internal/clock"
	"pollux/internal/cpu"
)

// Machine is where something was measured, and when.
type Machine struct {
	CPU    string    `json:"cpu"`
	Cores  int       `json:"cores"`
	Kernel string    `json:"kernel"`
	Go     string    `json:"go"`
	Hz     float64   `json:"tsc_hz"` // of the time-stamp counter, which cycles are of
	Time   time.Time `json:"time"`
}

// ThisMachine describes the machine, now.
func ThisMachine() Machine {
	i := cpu.Detect()
	m := Machine{CPU: i.Name, Cores: len(allowedCores), Go: runtime.Version(), Hz: clock.Hz(), Time: time.Now().Truncate(time.Second)}
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	return m
}

// String is the machine in a line.
func (m Machine) String() string {
	cores := "1 core"
	if m.Cores != 1 {
		cores = fmt.Sprintf("%d cores", m.Cores)
	}
	return fmt.Sprintf("%s, %s, time-stamp counter %.2f GHz, Linux %s, %s", m.CPU, cores, m.Hz/1e9, m.Kernel, m.Go)
}
