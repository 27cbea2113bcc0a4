package wirepeers

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"pollux/bench"
)

// afxdpDriver is DPDK's driver for AF_XDP.
var afxdpDriver = program{[]string{
	"/usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0/librte_net_af_xdp.so", "/usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0/librte_net_af_xdp.so.23",
}, "librte-net-af-xdp23"}

// pagesWanted is how many huge pages of 2 MB DPDK is given.
const pagesWanted = 1024

// hugePages reserves pages, if there are not as many, and leaves them reserved.
func hugePages() error {
	const file = "/proc/sys/vm/nr_hugepages"
	read := func() (int, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(string(text)))
	}
	n, err := read()
	if err != nil || n >= pagesWanted {
		return err
	}
	if err := os.WriteFile(file, []byte(strconv.Itoa(pagesWanted)), 0o644); err != nil {
		return fmt.Errorf("huge pages: %w", err)
	}
	if n, err = read(); err == nil && n < pagesWanted {
		err = fmt.Errorf("huge pages: the kernel gave %d of %d of 2 MB", n, pagesWanted)
	}
	return err
}

// startTestpmd starts DPDK's forwarder, which reads no packet. It ends at the end of its
// input: it gets a pipe that has none.
func startTestpmd(p bench.Place) (bench.Running, error) {
	if err := hugePages(); err != nil {
		return nil, err
	}
	args := []string{
		"-c", `mkfifo "$0" && exec "$@" <>"$0"`, filepath.Join(p.Dir, "stdin"),
		"dpdk-testpmd", "-l", fmt.Sprintf("%d,%d", p.Control, p.Core), "--main-lcore", fmt.Sprint(p.Control),
		"--in-memory", "--no-pci", "--no-telemetry",
	}
	for i, dev := range []string{p.In, p.Out} {
		args = append(args, fmt.Sprintf("--vdev=net_af_xdp%d,iface=%s,busy_budget=0", i, dev))
	}
	args = append(args, "--", "--nb-cores=1", "--forward-mode=io", "--auto-start", "--total-num-mbufs=32768", "--no-mlockall", "--stats-period=1")
	c, err := bench.StartChild(p.NS, p.Echo, "sh", args...)
	if err != nil {
		return nil, err
	}
	return &process{c}, nil
}
