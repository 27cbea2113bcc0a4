package peers

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// export has the bridge account its packets as the case says, in a cache larger than the
// flows, to a collector that is only a socket.
func (v *ovs) export(ctx context.Context, c Case) (err error) {
	if v.collector, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		return err
	}
	_, err = v.vsctl(ctx, "--", "set", "Bridge", "br0", "ipfix=@i", "--", "--id=@i", "create", "IPFIX",
		fmt.Sprintf("targets=%q", v.collector.LocalAddr()), "sampling="+strconv.Itoa(c.Sampling),
		"obs_domain_id=1", "obs_point_id=1", "cache_active_timeout=60", "cache_max_flows=131072")
	if err != nil {
		return err
	}
	if c.Both {
		return v.samples(ctx, 2)
	}
	// Open vSwitch 3.1 takes the option for its opposite: what says true is off. What it
	// comes to is seen by what megaflows do.
	for _, value := range []string{"true", "false"} {
		if _, err = v.vsctl(ctx, "set", "IPFIX", ".", "other_config:enable-output-sampling="+value); err != nil {
			return err
		}
		if err = v.samples(ctx, 1); err == nil {
			return nil
		}
	}
	return err
}

// samples waits until each of the source's megaflows accounts a packet as often as is
// wanted: a change of the exporter reaches them with the next revalidation.
func (v *ovs) samples(ctx context.Context, want int) error {
	for end := time.Now().Add(3 * time.Second); ; {
		out, err := v.appctl(ctx, "dpctl/dump-flows")
		if err != nil {
			return err
		}
		least, most := countSamples(out)
		if least == want && most == want {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("Open vSwitch accounts a packet %d to %d times, not %d", least, most, want)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// countSamples returns how often the megaflows of UDP account a packet to IPFIX, at least
// and at most, of `dpctl/dump-flows`; 0 when there are none.
func countSamples(text string) (least, most int) {
	first := true
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "proto=17") && !strings.Contains(line, "udp") && !strings.Contains(line, "eth_type(0x0800)") {
			continue
		}
		n := strings.Count(line, "ipfix(")
		if first {
			least, most, first = n, n, false
		}
		least, most = min(least, n), max(most, n)
	}
	return least, most
}
