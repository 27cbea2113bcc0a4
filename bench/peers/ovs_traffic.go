package peers

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"pollux/bench"
	"pollux/pmd/port"
)

// traffic is the environment that tells the plug-in what to send. Of a scenario, it
// writes the packets to files and keeps the rules.
func (v *ovs) traffic(c Case) (env []string, err error) {
	env = append(v.env(), "FLOWGEN_FLOWS="+strconv.Itoa(c.Flows), "FLOWGEN_MASKS="+strconv.Itoa(c.Masks),
		fmt.Sprintf("FLOWGEN_NEW=%.0f", c.New))
	if c.Scenario == "" {
		return env, nil
	}
	var src port.MemoryConfig
	if src, v.rules, err = bench.ScenarioTraffic(c.Scenario); err != nil {
		return nil, err
	}
	frames, order := filepath.Join(v.run, "frames"), filepath.Join(v.run, "order")
	if err := writeFrames(src, frames, order); err != nil {
		return nil, err
	}
	return append(env, "FLOWGEN_FRAMES="+frames, "FLOWGEN_ORDER="+order), nil
}

// frameRoom is what the plug-in's files have for a frame.
const frameRoom = 64

// writeFrames writes the packets of a source to the plug-in's files.
func writeFrames(src port.MemoryConfig, frames, order string) error {
	if src.Frames == nil {
		return fmt.Errorf("%s: the source's frames are not in a table", frames)
	}
	heads := make([]byte, 0, src.Frames.Len()*frameRoom)
	turn := src.Order
	for i := range src.Frames.Len() {
		head, length := src.Frames.Frame(i)
		if length != port.MinSize {
			return fmt.Errorf("frame %d of %d bytes: flowgen sends %d", i, length, port.MinSize)
		}
		heads = append(heads, head[:frameRoom]...)
		if src.Order == nil {
			turn = append(turn, uint32(i))
		}
	}
	if err := os.WriteFile(frames, heads, 0o600); err != nil {
		return err
	}
	b := make([]byte, 0, 4*len(turn))
	for _, i := range turn {
		b = binary.NativeEndian.AppendUint32(b, i)
	}
	return os.WriteFile(order, b, 0o600)
}
