package peers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ovsSchema is where Debian puts the database's schema.
const ovsSchema = "/usr/share/openvswitch/vswitch.ovsschema"

// startDatabase starts a database of this run.
func (v *ovs) startDatabase(ctx context.Context) error {
	file := filepath.Join(v.run, "conf.db")
	if _, err := v.at.run(ctx, "ovsdb-tool", "create", file, ovsSchema); err != nil {
		return err
	}
	child, err := v.at.start(v.env(), "ovsdb-server", file, "--remote=p"+v.socket(),
		"--unixctl="+filepath.Join(v.run, "ovsdb.ctl"), "-vconsole:warn")
	if err != nil {
		return err
	}
	v.db = process{child, "ovsdb-server"}
	return v.db.await(ctx, "socket", func() bool { return exists(filepath.Join(v.run, "db.sock")) })
}

// env keeps Open vSwitch's programs away from the machine's own.
func (v *ovs) env() []string {
	return []string{"OVS_RUNDIR=" + v.run, "OVS_DBDIR=" + v.run, "OVS_LOGDIR=" + v.run, "OVS_SYSCONFDIR=" + v.run}
}

// startSwitch starts the switch with the source's plug-in set to the case's flows, and
// waits until DPDK is up.
func (v *ovs) startSwitch(ctx context.Context, c Case) error {
	set := []string{"--no-wait", "init", "--", "set", "Open_vSwitch", "."}
	for _, o := range append([]string{
		"dpdk-init=true",
		fmt.Sprintf("dpdk-lcore-mask=%#x", 1<<v.at.control),
		fmt.Sprintf("pmd-cpu-mask=%#x", 1<<v.at.core),
		fmt.Sprintf("dpdk-socket-mem=%d", hugeMB/2),
		"dpdk-extra=--in-memory --no-pci --no-telemetry",
	}, c.options()...) {
		key, value, _ := strings.Cut(o, "=")
		set = append(set, fmt.Sprintf("other_config:%s=%q", key, value))
	}
	if _, err := v.vsctl(ctx, set...); err != nil {
		return err
	}
	env, err := v.traffic(c)
	if err != nil {
		return err
	}
	child, err := v.at.startLean(env, ovsProgram, v.socket(), "--unixctl="+filepath.Join(v.run, "vswitchd.ctl"), "--mlockall", "-vconsole:warn")
	if err != nil {
		return err
	}
	v.switchd = process{child, "ovs-vswitchd"}
	return v.switchd.await(ctx, "DPDK", func() bool {
		out, err := v.vsctl(ctx, "--no-wait", "get", "Open_vSwitch", ".", "dpdk_initialized")
		return err == nil && strings.TrimSpace(out) == "true" && exists(filepath.Join(v.run, "vswitchd.ctl"))
	})
}

// options are Open vSwitch's own, where a case wants others than it comes with.
func (c *Case) options() (list []string) {
	if c.SMC {
		list = append(list, "emc-insert-inv-prob=0", "smc-enable=true")
	}
	switch c.Kind {
	case KindNew, KindMice:
		list = append(list, "flow-limit=2000000")
	case KindInstall:
		list = append(list, "pmd-perf-metrics=true")
	}
	return list
}

// configure makes the bridge, its ports, its flows, and its exporter. The source's port
// comes last, so that the first packet finds the table.
func (v *ovs) configure(ctx context.Context, c Case) error {
	_, err := v.vsctl(ctx, "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure",
		"--", "add-port", "br0", "n1", "--", "set", "Interface", "n1", "type=dpdk", "options:dpdk-devargs=net_null1,size=60,no-rx=1", "ofport_request=2")
	if err != nil {
		return err
	}
	file := filepath.Join(v.run, "flows")
	rules := c.PeerRules()
	if c.Scenario != "" {
		rules = v.rules
	}
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		return err
	}
	if _, err := v.ofctl(ctx, "add-flows", v.bridge(), file); err != nil {
		return err
	}
	if _, err := v.vsctl(ctx, "add-port", "br0", "n0", "--", "set", "Interface", "n0", "type=dpdk",
		"options:dpdk-devargs=net_null0,size=60", "ofport_request=1"); err != nil {
		return err
	}
	out, err := v.vsctl(ctx, "get", "Interface", "n0", "error", "--", "get", "Interface", "n1", "error")
	if err == nil && strings.Contains(out, `"`) {
		err = fmt.Errorf("ports of Open vSwitch: %s", strings.TrimSpace(out))
	}
	if err != nil || c.Sampling == 0 {
		return err
	}
	return v.export(ctx, c)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
