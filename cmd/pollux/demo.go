package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pollux/bench"
	"pollux/configs"
	"pollux/internal/lab"
	"pollux/ipfix/collector"
)

func newDemoCmd() *cobra.Command {
	o := demoOptions{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show it: hosts, pings, flows, records, and the sums that must agree (root)",
		Long: `Show it: three hosts in network namespaces, joined by the switch over AF_XDP;
pings within a VLAN and across; then a million packets of a thousand flows from a
generator through the switch to a sink, with IPFIX records to a collector. What was
sent, delivered and recorded is compared flow by flow, in packets and octets; the
last line says whether all of it agrees, and so does the exit status. When nothing
arrives for 10 s, the traffic is given up and the demo has failed.`,
		Args: noArgs,
		// Not of RunE: what is refused here is a mistake of usage, exit status 2.
		PreRunE: func(*cobra.Command, []string) error { return o.check() },
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage, cmd.SilenceErrors = true, true
			var err error
			if o.exe, err = os.Executable(); err != nil {
				return err
			}
			ctx, stop := untilSignal(cmd)
			defer stop()
			return runDemo(ctx, cmd.OutOrStdout(), o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.flows, "flows", 1000, "flows of the generator, 1 to 1000000")
	f.Uint64Var(&o.packets, "packets", 1_000_000, "packets of the generator, 1 to 1000000000")
	f.Float64Var(&o.rate, "rate", 250_000, "packets a second, at most; 1 or more")
	f.StringVar(&o.socket, "socket", "", "control socket of the demo's switch (default: that of configs/demo.yaml)")
	return cmd
}

// demoCollector is the exporter's target in configs/demo.yaml. It is an address of
// the switch's namespace, so nobody else can have it.
const demoCollector = "127.0.0.1:4739"

// errDemoFailed is what a failed demo returns; everything has been said by then.
var errDemoFailed = errors.New("demo FAILED")

// runDemo runs the demo, cleans up, and prints the last line.
func runDemo(ctx context.Context, out io.Writer, o demoOptions) error {
	d := &demo{demoOptions: o, out: out}
	sums, err := d.run(ctx)
	err = errors.Join(err, d.close())
	if err == nil {
		err = sums.check()
	}
	if err != nil {
		if ctx.Err() != nil {
			fmt.Fprintln(out, "\nstopped by a signal; everything is cleaned up")
		} else {
			fmt.Fprintf(out, "%v\n", err)
		}
		fmt.Fprintln(out, errDemoFailed)
		return errDemoFailed
	}
	fmt.Fprintf(out, "demo ok: sent=%d delivered=%d recorded=%d unaccounted=%d\n",
		sums.Sent.Packets, sums.Delivered.Packets, sums.Recorded.Packets, sums.Unaccounted)
	return nil
}

// demo is one run.
type demo struct {
	demoOptions
	out   io.Writer
	dir   string // for the configuration in force
	net   *demoNet
	coll  *collector.Collector
	sw    *bench.Child
	ports []*bench.Port
}

// step prints a heading.
func (d *demo) step(format string, args ...any) {
	fmt.Fprintf(d.out, "\n── %s\n", fmt.Sprintf(format, args...))
}

// run is the demo from the network to the sums.
func (d *demo) run(ctx context.Context) (sums *demoSums, err error) {
	if n, err := lab.Sweep(demoPrefix); err != nil {
		return nil, err
	} else if n > 0 {
		fmt.Fprintf(d.out, "removed %d namespaces that a killed demo had left behind\n", n)
	}
	for _, f := range []func(context.Context) error{d.build, d.start, d.pings} {
		if err := errors.Join(ctx.Err(), f(ctx)); err != nil {
			return nil, err
		}
	}
	return d.traffic(ctx)
}

// build makes the network and the collector.
func (d *demo) build(context.Context) (err error) {
	if d.net, err = newDemoNet(); err != nil {
		return err
	}
	err = d.net.sw.Do(func() (err error) {
		d.coll, err = collector.Listen(demoCollector)
		return err
	})
	if err != nil {
		return err
	}
	d.step("three hosts, a generator and a sink, each in a network namespace of its own")
	drawDemo(d.out, d.flows, d.coll.Addr())
	return nil
}

// start runs the switch on the demo's configuration, in its namespace.
func (d *demo) start(context.Context) (err error) {
	if d.dir, err = bench.WorkDir("demo"); err != nil {
		return err
	}
	file, err := d.config()
	if err != nil {
		return err
	}
	d.step("pollux run -c configs/demo.yaml")
	d.sw, err = bench.StartChild(d.net.sw, quiet{indent(d.out)}, d.exe, "run", "-c", file)
	if err != nil {
		return err
	}
	return d.sw.WaitReady(demoReady)
}

// config writes configs/demo.yaml as this machine needs it and returns the file's
// path.
func (d *demo) config() (file string, err error) {
	b, err := configs.Files.ReadFile("demo.yaml")
	if err != nil {
		return "", err
	}
	text := string(b)
	replace := func(old, new string) {
		if strings.Count(text, old) != 1 && err == nil {
			err = fmt.Errorf("demo.yaml: %q is there %d times, and should be once", old, strings.Count(text, old))
		}
		text = strings.Replace(text, old, new, 1)
	}
	if n := runtime.NumCPU(); n < 2 {
		replace("core: 1", "core: 0")
	}
	c, perr := configs.Parse(b, "demo.yaml", configs.Options{CPUs: func() []int { return []int{0, 1} }})
	if perr != nil {
		return "", perr
	}
	if d.socket == "" {
		d.socket = c.Control.Socket
	} else {
		replace("socket: "+c.Control.Socket, "socket: "+d.socket)
	}
	if err := os.MkdirAll(filepath.Dir(d.socket), 0o755); err != nil {
		return "", err
	}
	file = filepath.Join(d.dir, "demo.yaml")
	return file, errors.Join(err, os.WriteFile(file, []byte(text), 0o600))
}

// pings shows that VLANs are kept apart.
func (d *demo) pings(ctx context.Context) error { return d.pingHosts(ctx, demoPings) }

// pingHosts has hosts of one VLAN ping each other until three requests are answered,
// of so many tries: on a busy machine a request may be lost before all ports forward, or
// answered late. Of what crosses VLANs not one may be answered.
func (d *demo) pingHosts(ctx context.Context, tries int) error {
	d.step("ping between hosts: within VLAN 10, and across to VLAN 20")
	var errs []error
	for _, p := range []struct {
		from, to int
		answered bool
	}{{0, 1, true}, {1, 0, true}, {0, 2, false}, {2, 1, false}} {
		from, to := demoHosts[p.from], demoHosts[p.to]
		want, tries, wait := 3, tries, time.Second
		if !p.answered {
			want, tries, wait = 2, 2, 300*time.Millisecond
		}
		r, err := ping(ctx, d.net.h[p.from], to.addr, want, tries, wait)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		verdict := "no answer, as it should be"
		if r.Received > 0 {
			verdict = fmt.Sprintf("%v at best", r.Best.Round(time.Microsecond))
		}
		fmt.Fprintf(d.out, "   %s → %s  VLAN %d → %d  %d of %d answered  %s\n", from.name, to.name, from.vlan, to.vlan, r.Received, r.Sent, verdict)
		if p.answered && r.Received < want || !p.answered && r.Received > 0 {
			errs = append(errs, fmt.Errorf("ping %s → %s: %d of %d answered", from.name, to.name, r.Received, r.Sent))
		}
	}
	return errors.Join(errs...)
}

// show prints what a command says of the running switch.
func (d *demo) show(command ...string) error {
	d.step("pollux %s", strings.Join(command, " "))
	out, err := d.ask(command...)
	if err != nil {
		return err
	}
	_, err = indent(d.out).Write(out)
	return err
}

// ask runs a command against the switch.
func (d *demo) ask(command ...string) ([]byte, error) {
	cmd := exec.Command(d.exe, append(command, "--socket", d.socket)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("pollux %s: %w\n%s", strings.Join(command, " "), err, stderr.String())
	}
	return out, nil
}

// close ends and removes everything. It may be called at any point of the run.
func (d *demo) close() error {
	var errs []error
	if d.sw != nil {
		errs = append(errs, d.sw.Stop(demoStop))
		d.sw = nil
	}
	if d.coll != nil {
		errs = append(errs, d.coll.Close())
		d.coll = nil
	}
	for _, p := range d.ports {
		errs = append(errs, p.Close())
	}
	d.ports = nil
	errs = append(errs, d.net.close())
	if d.dir != "" {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}

// quiet passes on all but the switch's log lines of level INFO, which say what its
// first lines say too.
type quiet struct{ w io.Writer }

func (q quiet) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		if bytes.HasPrefix(line, []byte("time=")) && bytes.Contains(line, []byte(" level=INFO ")) {
			continue
		}
		if _, err := q.w.Write(line); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// indenter puts three spaces before each line.
type indenter struct {
	w      io.Writer
	inLine bool
}

func indent(w io.Writer) io.Writer { return &indenter{w: w} }

func (i *indenter) Write(b []byte) (int, error) {
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if !i.inLine {
			out.WriteString("   ")
		}
		out.WriteString(line)
		i.inLine = !strings.HasSuffix(line, "\n")
	}
	_, err := io.WriteString(i.w, out.String())
	return len(b), err
}
