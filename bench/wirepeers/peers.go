package wirepeers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"pollux/bench"
)

// peer is a switch that may be installed.
type peer struct {
	name  string
	needs []program
	start func(bench.Place) (bench.Running, error)
}

// program is what a peer needs: the first of paths that is there.
type program struct {
	paths []string
	from  string // package of Debian
}

var peers = []peer{
	{"bridge", []program{{[]string{"ip"}, "iproute2"}}, startBridge},
	{"ovs-afxdp", ovsPrograms(vswitchd), startOVSAFXDP},
	{"ovs-system", ovsPrograms(vswitchd), startOVSSystem},
	{"ovs-dpdk-afxdp", append(ovsPrograms(vswitchdDPDK), afxdpDriver), startOVSDPDK},
	{"testpmd", []program{{[]string{"dpdk-testpmd"}, "dpdk-dev"}, afxdpDriver}, startTestpmd},
}

// Names are the peers there are.
func Names() (names []string) {
	for _, p := range peers {
		names = append(names, p.name)
	}
	return names
}

// Installed are the names of those that can be started here.
func Installed() (names []string) {
	for _, p := range peers {
		if p.missing() == nil {
			names = append(names, p.name)
		}
	}
	return names
}

// New returns peers by name as devices.
func New(names []string) (devices []bench.Device, err error) {
	var errs []error
	for _, n := range names {
		i := slices.IndexFunc(peers, func(p peer) bool { return p.name == n })
		if i < 0 {
			errs = append(errs, fmt.Errorf("peer %q: want %s", n, strings.Join(Names(), ", ")))
			continue
		}
		if err := peers[i].missing(); err != nil {
			errs = append(errs, err)
			continue
		}
		devices = append(devices, device{peers[i]})
	}
	return devices, errors.Join(errs...)
}

// missing says what the peer needs and is not there.
func (p peer) missing() error {
	for _, q := range p.needs {
		if _, err := q.find(); err != nil {
			return fmt.Errorf("peer %s: %w", p.name, err)
		}
	}
	return nil
}

// find returns the path of the program.
func (q program) find() (string, error) {
	for _, p := range q.paths {
		if strings.Contains(p, "/") {
			if _, err := os.Stat(p); err == nil {
				return p, nil
			}
		} else if path, err := exec.LookPath(p); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: package %s of Debian has it", strings.Join(q.paths, " or "), q.from)
}

type device struct{ peer }

func (d device) Name() string { return d.name }

func (d device) Start(p bench.Place) (bench.Running, error) {
	r, err := d.start(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.name, err)
	}
	return r, nil
}
