package peers

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pollux/bench"
)

// place is what the contenders of a run share: its folder, its cores, and DPDK's
// drivers as they are to see them.
type place struct {
	dir     string
	core    int // of poll loops
	control int // of everything else
	drivers string
	lean    string // a folder that is shown in place of drivers
}

//go:embed flowgen
var flowgen embed.FS

// driversWanted are all that the devices need. Debian's development package brings some
// sixty more, each of which a start would load.
var driversWanted = []string{"net_null", "mempool_ring", "bus_vdev", "bus_pci"}

// newPlace makes the folder and compiles the source's plug-in into it.
func newPlace(ctx context.Context, core, control int) (p *place, err error) {
	p = &place{core: core, control: control}
	if p.drivers, err = driverDir(); err != nil {
		return nil, err
	}
	if p.dir, err = bench.WorkDir("peers"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	p.lean = filepath.Join(p.dir, "drivers")
	if err := os.Mkdir(p.lean, 0o755); err != nil {
		return nil, err
	}
	for _, name := range driversWanted {
		if err := p.copyDriver(name); err != nil {
			return nil, err
		}
	}
	return p, p.compile(ctx)
}

// copyDriver copies a driver, and the links that name it as links: two copies of one
// would both be loaded.
func (p *place) copyDriver(name string) error {
	files, err := filepath.Glob(filepath.Join(p.drivers, "librte_"+name+".so*"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, fmt.Errorf("%s: no driver %s: `make peers` installs it", p.drivers, name))
	}
	for _, f := range files {
		to := filepath.Join(p.lean, filepath.Base(f))
		if link, err := os.Readlink(f); err == nil {
			if err := os.Symlink(link, to); err != nil {
				return fmt.Errorf("driver %s: %w", name, err)
			}
			continue
		}
		b, err := os.ReadFile(f)
		if err == nil {
			err = os.WriteFile(to, b, 0o644)
		}
		if err != nil {
			return fmt.Errorf("driver %s: %w", name, err)
		}
	}
	return nil
}

// compile builds the plug-in. It lies among the drivers, as DPDK refuses to load
// libraries by name from below a folder that everybody may write to.
func (p *place) compile(ctx context.Context) error {
	src := filepath.Join(p.dir, "src")
	if err := os.CopyFS(src, flowgen); err != nil {
		return fmt.Errorf("sources of flowgen: %w", err)
	}
	flags, err := p.run(ctx, "pkg-config", "--cflags", "--libs", "libdpdk")
	if err != nil {
		return err
	}
	args := []string{"-O3", "-march=native", "-fPIC", "-shared", "-Wall", "-o", p.plugin(),
		filepath.Join(src, "flowgen", "flowgen.c")}
	_, err = p.run(ctx, "gcc", append(args, strings.Fields(flags)...)...)
	return err
}

// commandTime bounds a command that sets something up or asks for something.
const commandTime = 30 * time.Second

// run runs a command on the control core to its end and returns what it says.
func (p *place) run(ctx context.Context, name string, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, commandTime)
	defer stop()
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", strconv.Itoa(p.control), name}, args...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return string(out), nil
}

// start starts a process on the control core; env is NAME=VALUE. Each step on the way
// takes the place of the one before, so that the Child is the process.
func (p *place) start(env []string, path string, args ...string) (*bench.Child, error) {
	a := append([]string{"-c", strconv.Itoa(p.control), "env"}, env...)
	return bench.StartChild(nil, nil, "taskset", append(append(a, path), args...)...)
}

// startLean is start for a process that sees the lean folder in place of all drivers.
func (p *place) startLean(env []string, path string, args ...string) (*bench.Child, error) {
	a := []string{"--mount", "sh", "-c", `mount --bind "$1" "$2" && shift 2 && exec "$@"`, "sh", p.lean, p.drivers, path}
	return p.start(env, "unshare", append(a, args...)...)
}

// plugin is the source's plug-in.
func (p *place) plugin() string { return filepath.Join(p.lean, "libflowgen.so") }

func (p *place) close() error { return os.RemoveAll(p.dir) }
