package session

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"pollux/flow"
	"pollux/ofp/wire"
)

// FuzzSession sends any bytes after a hello: the session answers in whole messages of
// its version, never hangs and never panics.
func FuzzSession(f *testing.F) {
	for _, v := range spoken {
		var all []byte
		for _, k := range []wire.Kind{wire.EchoRequest, wire.FeaturesRequest, wire.BarrierRequest, wire.GetConfigRequest} {
			all = wire.AppendMessage(all, v, k, 5, nil)
		}
		for _, m := range []wire.Multipart{
			{Part: wire.PartDesc}, {Part: wire.PartPortDesc}, {Part: 99},
			{Part: wire.PartExperimenter, Vendor: wire.Nicira, Subtype: wire.NXIPFIXBridge},
			{Part: wire.PartExperimenter, Vendor: wire.Nicira, Subtype: wire.NXIPFIXFlow, More: true},
			{Part: wire.PartExperimenter, Vendor: 1},
		} {
			all = wire.AppendMultipartRequest(all, v, 6, m)
		}
		f.Add(uint8(v), all)
		if v >= wire.V13 {
			out := &wire.PacketOutMsg{BufferID: wire.NoBuffer, Data: make([]byte, 60)}
			out.Metadata.SetMasked(flow.InPort, flow.Value{Lo: 1}, flow.InPort.Full())
			bundle := wire.AppendBundle(nil, v, wire.BundleAdd, 7, &wire.BundleMsg{ID: 1, Message: wire.AppendPacketOut(nil, v, 7, out)})
			f.Add(uint8(v), wire.AppendBundle(bundle, v, wire.BundleControl, 8, &wire.BundleMsg{ID: 1, Type: wire.BundleCommit}))
		}
		f.Add(uint8(v), []byte{byte(v), 5, 0, 7, 0, 0, 0, 0})
		f.Add(uint8(v), []byte{byte(v), 9, 0, 9, 0, 0, 0, 0, 0, byte(v), 4})
	}
	f.Fuzz(func(t *testing.T, v uint8, sent []byte) {
		version := spoken[int(v)%len(spoken)]
		near, far := net.Pipe()
		srv := New(Config{Switch: box(), Log: slog.New(noPanics{slog.DiscardHandler, t})})
		done := make(chan struct{})
		go func() { newSession(srv, near, "pipe", &terms{probe: time.Minute}, nil).run(); close(done) }()
		p := newPeer(t, far)
		p.greet(version)
		go func() {
			_, _ = far.Write(sent) // fails when the session ends before it has read all
			_, _ = far.Write(wire.AppendMessage(nil, version, wire.EchoReply, 0, make([]byte, wire.MaxLen-wire.HeaderLen)))
			far.Close()
		}()
		for {
			msg, err := readWhole(p)
			if err != nil {
				break
			}
			if wire.Version(msg[0]) != version {
				t.Errorf("answered %x in a session of %s", msg, version)
			}
			if k := wire.KindOf(version, msg[1]); k == wire.Unknown {
				t.Errorf("answered %x, of no kind", msg)
			}
		}
		<-done
	})
}

// readWhole reads a message. far may be closed by the test at any time, so that an end
// in the middle of one is no error.
func readWhole(p *peer) ([]byte, error) {
	head, err := p.in.Peek(wire.HeaderLen)
	if err != nil {
		return nil, err
	}
	h, err := wire.ParseHeader(head)
	if err != nil {
		p.t.Error(err)
		return nil, err
	}
	msg := make([]byte, h.Length)
	_, err = io.ReadFull(p.in, msg)
	return msg, err
}

// noPanics is a log that has a test fail when a session tells of a panic, which would
// only end the session.
type noPanics struct {
	slog.Handler
	t *testing.T
}

func (noPanics) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func (n noPanics) Handle(_ context.Context, r slog.Record) error {
	n.t.Error(r.Message)
	r.Attrs(func(a slog.Attr) bool { n.t.Log(a); return true })
	return nil
}
