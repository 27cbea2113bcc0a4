package vswitch

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"pollux/internal/ctl"
)

// Version is what `pollux version` and `show` say; the build may set it.
var Version = "0.1.0"

// serve opens the control socket with every command of the switch.
func (s *Switch) serve() (*ctl.Server, error) {
	srv := ctl.NewServer(Version, s.log)
	view := func(name string, f func(w io.Writer, js bool) error, aliases ...string) {
		srv.Register(name, "[--json] [BRIDGE]", 0, 8, func(args []string) (string, error) {
			js, rest := takeJSON(args)
			// Open vSwitch's commands of this kind may name the bridge; there is one.
			if len(rest) > 0 && rest[0] == s.state.Snapshot().Name() {
				rest = rest[1:]
			}
			if len(rest) > 0 {
				return "", fmt.Errorf("%q: no such bridge, the one here is %q; this command takes its name, --json, and nothing else", rest[0], s.state.Snapshot().Name())
			}
			var w strings.Builder
			err := f(&w, js)
			return w.String(), err
		})
		for _, a := range aliases {
			srv.Alias(a, name)
		}
	}
	view("show", func(w io.Writer, js bool) error { v := s.Show(); return render(w, js, v, v.Text) }, "dpif/show")
	view("ports", func(w io.Writer, js bool) error {
		v := s.Ports()
		return render(w, js, v, func(w io.Writer) { portsText(w, v) })
	}, "dump-ports", "dpctl/show")
	view("flows", s.flowsView, "dump-flows", "bridge/dump-flows")
	view("megaflows", func(w io.Writer, js bool) error {
		v := s.Megaflows()
		return render(w, js, v, func(w io.Writer) { megaflowsText(w, v) })
	}, "dpctl/dump-flows", "dpif/dump-flows")
	view("fdb", func(w io.Writer, js bool) error {
		v := s.FDB()
		return render(w, js, v, func(w io.Writer) { fdbText(w, v) })
	}, "fdb/show")
	view("fdb/stats-show", func(w io.Writer, js bool) error {
		v := s.state.FDBStats()
		return render(w, js, v, func(w io.Writer) { fdbStatsText(w, s.state.Snapshot().Name(), &v) })
	})
	view("perf", func(w io.Writer, js bool) error {
		v := s.Perf()
		return render(w, js, v, func(w io.Writer) { perfText(w, v) })
	}, "dpif-netdev/pmd-perf-show", "dpif-netdev/pmd-stats-show")
	view("drops", func(w io.Writer, js bool) error { v := s.Drops(); return render(w, js, v, v.Text) }, "coverage/show")
	view("ipfix", func(w io.Writer, js bool) error {
		v := s.IPFIX()
		return render(w, js, v, func(w io.Writer) { ipfixText(w, v) })
	})
	srv.Register("ipfix/top", "[--json] [--by bytes|packets|rate] [-n N] [EXPORTER]", 0, 8, s.topCommand)
	srv.Register("rxqs", "[--json] [-secs N] [-pmd CORE]", 0, 8, s.queuesCommand)
	srv.Alias("dpif-netdev/pmd-rxq-show", "rxqs")
	srv.Register("rebalance", "[--json] [--dry-run] [--policy POLICY]", 0, 4, s.rebalanceCommand)
	srv.Alias("dpif-netdev/pmd-rxq-rebalance", "rebalance")
	srv.Register("trace", "[--json] [BRIDGE] FLOW|in_port=PORT HEX", 1, 5, s.traceCommand)
	srv.Alias("ofproto/trace", "trace")
	srv.Register("ipfix/set", "EXPORTER KEY VALUE|KEY=VALUE…", 2, 64, s.setExporter)
	srv.Register("reload", "", 0, 0, func([]string) (string, error) { return s.Reload() })
	srv.Register("fdb/flush", "", 0, 0, func([]string) (string, error) {
		s.state.FlushFDB()
		return "table successfully flushed\n", nil
	})
	srv.Register("revalidator/purge", "", 0, 0, func([]string) (string, error) {
		for _, l := range s.dp.Loops() {
			l.FlushMegaflows()
		}
		return "", nil
	})
	if err := srv.Listen(s.cfg.Control.Socket); err != nil {
		return nil, err
	}
	return srv, nil
}

// takeJSON takes --json out of a command's arguments.
func takeJSON(args []string) (js bool, rest []string) {
	rest = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "--json" })
	return len(rest) < len(args), rest
}

// render writes v as JSON, or as text.
func render(w io.Writer, js bool, v any, text func(io.Writer)) error {
	if !js {
		text(w)
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return nil
}
