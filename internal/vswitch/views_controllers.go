package vswitch

import (
	"fmt"
	"io"
	"time"

	"pollux/ofp/session"
)

// controllersText writes a line for each controller and session, and under them what was
// wrong last with those that can't be talked to.
func controllersText(w io.Writer, v *Show, now time.Time) {
	t := newTable("controller", "state", "role", "version", ">for", ">attempts", ">packet-ins", ">lost")
	for i := range v.Controllers {
		p := &v.Controllers[i]
		attempts := "-"
		if p.Primary {
			attempts = fmt.Sprint(p.Attempts)
		}
		t.row(controllerName(p), controllerState(p), orDash(p.Role), orDash(p.Version),
			seconds(now.Sub(p.Since).Seconds()), attempts, p.PacketIns, p.PacketInLimited+p.PacketInFull)
	}
	t.write(w)
	for i := range v.Controllers {
		if p := &v.Controllers[i]; p.LastError != "" && !p.Connected {
			fmt.Fprintf(w, "last error of %s, %s ago: %s\n", p.Target, seconds(now.Sub(p.ErrorAt).Seconds()), p.LastError)
		}
	}
	if v.Standalone {
		fmt.Fprintln(w, "no controller can be talked to: the switch forwards by itself (fail_mode: standalone)")
	}
}

// controllerName is the controller's target, or the listener with who came by it.
func controllerName(p *session.Peer) string {
	if p.Primary || p.Peer == p.Target {
		return p.Target
	}
	return p.Target + " " + p.Peer
}

func controllerState(p *session.Peer) string {
	switch {
	case p.Connected && p.Primary && !p.Admitted:
		return "connected, has not taken the switch yet"
	case p.Connected:
		return "connected"
	case p.Greeting:
		return "waiting for HELLO"
	}
	return "not connected"
}
