package openvswitch

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// started is how long a daemon may take to listen, and a command to be answered.
const started = 30 * time.Second

// Switch is a running Open vSwitch with bridge br0. One goroutine uses it.
type Switch struct {
	dir     string
	env     []string
	daemons []*exec.Cmd
	ctl     net.Conn
	answers *json.Decoder
	read    map[string]int64 // of each port's file
}

// Installed says whether Start can work.
func Installed() bool {
	for _, p := range []string{"ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "ovs-ofctl"} {
		if _, err := exec.LookPath(p); err != nil {
			return false
		}
	}
	return os.Getuid() == 0
}

// Start runs a switch in dir, which is empty, with a port for each name, numbered from 1. The
// bridge's own port is br0. There are no flows.
func Start(dir string, ports ...string) (*Switch, error) {
	s := &Switch{dir: dir, env: append(os.Environ(), "OVS_RUNDIR="+dir, "OVS_LOGDIR="+dir, "OVS_DBDIR="+dir), read: map[string]int64{}}
	if err := s.start(ports); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Switch) start(ports []string) error {
	db, file := filepath.Join(s.dir, "db.sock"), filepath.Join(s.dir, "conf.db")
	if _, err := s.run("ovsdb-tool", "create", file, "/usr/share/openvswitch/vswitch.ovsschema"); err != nil {
		return err
	}
	if err := s.daemon(db, "ovsdb-server", "--remote=punix:"+db, "--log-file="+filepath.Join(s.dir, "db.log"), file); err != nil {
		return err
	}
	// Two tags, as in the key here; by default the second is payload.
	if _, err := s.run("ovs-vsctl", "--db=unix:"+db, "--no-wait", "--", "init", "--", "set", "Open_vSwitch", ".", "other_config:vlan-limit=2"); err != nil {
		return err
	}
	ctl := filepath.Join(s.dir, "ctl")
	if err := s.daemon(ctl, "ovs-vswitchd", "--enable-dummy=override", "--disable-system", "--unixctl="+ctl,
		"--log-file="+filepath.Join(s.dir, "v.log"), "unix:"+db); err != nil {
		return err
	}
	args := []string{"--db=unix:" + db, "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail_mode=secure",
		"protocols=OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15", "--", "set", "interface", "br0", "options:tx_pcap=" + s.file("br0")}
	for i, p := range ports {
		args = append(args, "--", "add-port", "br0", p, "--", "set", "interface", p, "type=dummy",
			fmt.Sprintf("ofport_request=%d", i+1), "options:tx_pcap="+s.file(p))
	}
	if _, err := s.run("ovs-vsctl", args...); err != nil {
		return err
	}
	var err error
	if s.ctl, err = net.Dial("unix", ctl); err != nil {
		return err
	}
	s.answers = json.NewDecoder(s.ctl)
	return nil
}

func (s *Switch) file(port string) string { return filepath.Join(s.dir, port+".pcap") }

// run runs a program to its end and returns what it prints.
func (s *Switch) run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), started)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return string(out), nil
}

// daemon starts a program and waits until it listens at socket.
func (s *Switch) daemon(socket, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = s.env
	if err := cmd.Start(); err != nil {
		return err
	}
	s.daemons = append(s.daemons, cmd)
	for end := time.Now().Add(started); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("unix", socket); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("%s does not listen at %s", name, socket)
}

// Close ends the daemons.
func (s *Switch) Close() error {
	var errs []error
	if s.ctl != nil {
		errs = append(errs, s.ctl.Close())
	}
	for _, d := range slices.Backward(s.daemons) {
		errs = append(errs, d.Process.Kill())
		_ = d.Wait() // of a process that was killed
	}
	return errors.Join(errs...)
}

// Bridge is where br0 listens for OpenFlow, as ovs-ofctl wants it named.
func (s *Switch) Bridge() string { return "unix:" + filepath.Join(s.dir, "br0.mgmt") }

// Ofctl runs ovs-ofctl with OpenFlow 1.5 and returns what it prints, also with an error.
func (s *Switch) Ofctl(args ...string) (string, error) {
	return s.run("ovs-ofctl", append([]string{"-O", "OpenFlow15"}, args...)...)
}

// NoFlood has FLOOD pass a port by, which only OpenFlow 1.0 can say.
func (s *Switch) NoFlood(port string) error {
	_, err := s.run("ovs-ofctl", "-O", "OpenFlow10", "mod-port", s.Bridge(), port, "no-flood")
	return err
}

// Appctl asks ovs-vswitchd, as ovs-appctl(8) does.
func (s *Switch) Appctl(method string, params ...string) (string, error) {
	if params == nil {
		params = []string{}
	}
	req, err := json.Marshal(map[string]any{"id": 0, "method": method, "params": params})
	if err != nil {
		return "", err
	}
	if err := s.ctl.SetDeadline(time.Now().Add(started)); err != nil {
		return "", err
	}
	if _, err := s.ctl.Write(req); err != nil {
		return "", err
	}
	var reply struct {
		Result string
		Error  any
	}
	if err := s.answers.Decode(&reply); err != nil {
		return "", fmt.Errorf("%s: %w", method, err)
	}
	if reply.Error != nil {
		return "", fmt.Errorf("%s: %v", method, reply.Error)
	}
	return reply.Result, nil
}

// Send has frames come in by a port, one after the other. They are 14 bytes long at least, and
// there are 100 at most.
func (s *Switch) Send(port string, frames ...[]byte) error {
	args := []string{port}
	for _, f := range frames {
		args = append(args, fmt.Sprintf("%x", f))
	}
	_, err := s.Appctl("netdev-dummy/receive", args...)
	return err
}

// Sent returns the frames that left by a port since it was asked last, as far as they are whole
// in its file.
func (s *Switch) Sent(port string) ([][]byte, error) {
	const fileHeader, recordHeader = 24, 16
	f, err := os.Open(s.file(port))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	at := max(s.read[port], fileHeader)
	st, err := f.Stat()
	if err != nil || st.Size() <= at {
		return nil, err
	}
	b := make([]byte, st.Size()-at)
	if _, err := f.ReadAt(b, at); err != nil {
		return nil, err
	}
	var out [][]byte
	for len(b) >= recordHeader {
		n := recordHeader + int(binary.NativeEndian.Uint32(b[8:]))
		if n > len(b) {
			break
		}
		out = append(out, b[recordHeader:n:n])
		b, at = b[n:], at+int64(n)
	}
	s.read[port] = at
	return out, nil
}
