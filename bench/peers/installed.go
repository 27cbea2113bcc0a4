package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"pollux/internal/cpu"
)

// Ready says why OVS-DPDK cannot be measured here, nil if it can: what is missing, that
// `make peers` installs, or what the machine does not have.
func Ready(core, control int) error {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return fmt.Errorf("peers need Linux and root: huge pages, mounts of their own, pinned threads")
	}
	if core == control {
		return fmt.Errorf("polling and control are both on core %d: they must be two", core)
	}
	allowed := cpu.Allowed()
	for _, c := range []int{core, control} {
		if !slices.Contains(allowed, c) {
			return fmt.Errorf("core %d is not one that this process may use: %v", c, allowed)
		}
	}
	if missing := missing(); len(missing) > 0 {
		return fmt.Errorf("not installed: %s: `make peers` installs them (Debian)", strings.Join(missing, ", "))
	}
	return nil
}

// missing lists the programs and files that are not there.
func missing() (list []string) {
	for _, name := range []string{"ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ovsdb-tool", "ovsdb-server", ovsProgram,
		"dpdk-testpmd", "gcc", "pkg-config", "unshare", "taskset"} {
		if _, err := exec.LookPath(name); err != nil {
			list = append(list, name)
		}
	}
	if !exists(ovsSchema) {
		list = append(list, ovsSchema)
	}
	dir, err := driverDir()
	if err != nil {
		return append(list, "DPDK's drivers")
	}
	for _, d := range driversWanted {
		if files, _ := filepath.Glob(filepath.Join(dir, "librte_"+d+".so*")); len(files) == 0 {
			list = append(list, "DPDK's driver "+d)
		}
	}
	if exec.Command("pkg-config", "--exists", "libdpdk").Run() != nil {
		list = append(list, "DPDK's headers")
	}
	return list
}

// driverDir is where DPDK looks for drivers, as Debian builds it.
func driverDir() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/*-linux-gnu/dpdk/pmds-*")
	if err != nil || len(dirs) == 0 {
		return "", fmt.Errorf("no folder of DPDK's drivers in /usr/lib: `make peers` installs it")
	}
	return dirs[len(dirs)-1], nil
}
