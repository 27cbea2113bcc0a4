package wire

import (
	"bytes"
	"fmt"
	"testing"

	"pollux/flow"
	"pollux/ofp/pipeline"
)

// outputs are n actions of 16 bytes in 1.3 and up, of 8 in 1.0.
func outputs(n int) []pipeline.Action {
	list := make([]pipeline.Action, n)
	for i := range list {
		list[i] = pipeline.Action{Kind: pipeline.ActOutput, Port: uint32(i%1000 + 1)}
	}
	return list
}

// longRecord is a kind of records that can be longer than a message: one with n of what it has
// many of, and how many of those one has that is read from b.
type longRecord struct {
	name   string
	part   Multipart
	append func(v Version, n int) []byte
	parse  func(v Version, b []byte) (n int, rest []byte, err error)
}

func longRecords(v Version) []longRecord {
	flowStat := func(m Multipart) longRecord {
		return longRecord{"flows", m,
			func(v Version, n int) []byte {
				s := FlowStat{Flow: pipeline.Flow{Do: pipeline.Instructions{Apply: outputs(n)}}}
				return s.Append(nil, v, m)
			},
			func(v Version, b []byte) (int, []byte, error) {
				s, rest, err := ParseFlowStat(v, m, b)
				if err != nil {
					return 0, nil, err
				}
				return len(s.Flow.Do.Apply), rest, nil
			}}
	}
	group := func(n int) *pipeline.Group {
		g := &pipeline.Group{Type: pipeline.GroupSelect, ID: 1, Buckets: make([]pipeline.Bucket, n)}
		for i := range g.Buckets {
			g.Buckets[i] = pipeline.Bucket{ID: uint32(i), Weight: 1, WatchPort: pipeline.AnyPort, WatchGroup: pipeline.AnyGroup, Actions: outputs(1)}
		}
		return g
	}
	all := []longRecord{
		flowStat(Multipart{Part: PartFlow}),
		{"changes of flows", monitorPartOf(v),
			func(v Version, n int) []byte {
				u := FlowUpdate{Event: EventAdded, Flow: pipeline.Flow{Do: pipeline.Instructions{Apply: outputs(n)}}}
				return u.Append(nil, v)
			},
			func(v Version, b []byte) (int, []byte, error) {
				u, rest, err := ParseFlowUpdate(v, b)
				if err != nil {
					return 0, nil, err
				}
				return len(u.Flow.Do.Apply), rest, nil
			}},
		{"groups", Multipart{Part: PartGroupDesc},
			func(v Version, n int) []byte { return AppendGroup(nil, v, group(n)) },
			func(v Version, b []byte) (int, []byte, error) {
				g, rest, err := ParseGroup(v, b)
				if err != nil {
					return 0, nil, err
				}
				return len(g.Buckets), rest, nil
			}},
		{"statistics of groups", Multipart{Part: PartGroup},
			func(_ Version, n int) []byte { return (&GroupStats{Buckets: make([]BandStats, n)}).Append(nil) },
			func(_ Version, b []byte) (int, []byte, error) {
				s, rest, err := ParseGroupStats(b)
				if err != nil {
					return 0, nil, err
				}
				return len(s.Buckets), rest, nil
			}},
	}
	if v == V10 {
		return append(all, flowStat(Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: NXFlow}))
	}
	return append(all,
		longRecord{"meters", Multipart{Part: PartMeterConfig},
			func(_ Version, n int) []byte {
				m := &pipeline.Meter{ID: 1, Bands: make([]pipeline.Band, n)}
				for i := range m.Bands {
					m.Bands[i].Type = pipeline.BandDrop
				}
				return AppendMeter(nil, m)
			},
			func(_ Version, b []byte) (int, []byte, error) {
				m, rest, err := ParseMeter(b)
				if err != nil {
					return 0, nil, err
				}
				return len(m.Bands), rest, nil
			}},
		longRecord{"statistics of meters", Multipart{Part: PartMeter},
			func(_ Version, n int) []byte { return (&MeterStats{Bands: make([]BandStats, n)}).Append(nil) },
			func(_ Version, b []byte) (int, []byte, error) {
				s, rest, err := ParseMeterStats(b)
				if err != nil {
					return 0, nil, err
				}
				return len(s.Bands), rest, nil
			}},
		longRecord{"features of tables", Multipart{Part: PartTableFeatures},
			func(v Version, n int) []byte {
				return (&TableFeatures{Hit: TableAbilities{Next: make([]uint8, 8*n)}}).Append(nil, v)
			},
			func(v Version, b []byte) (int, []byte, error) {
				f, rest, err := ParseTableFeatures(v, b)
				if err != nil {
					return 0, nil, err
				}
				return len(f.Hit.Next) / 8, rest, nil
			}})
}

func monitorPartOf(v Version) Multipart {
	switch {
	case v == V10:
		return Multipart{Part: PartExperimenter, Vendor: Nicira, Subtype: NXFlowMonitor}
	case v < V14:
		return Multipart{Part: PartExperimenter, Vendor: ONF, Subtype: ONFFlowMonitor}
	}
	return Multipart{Part: PartFlowMonitor}
}

// The longest record that a message has room for comes whole, and whole is what is left out of
// those that are longer: never a part, and never a length that is not that of what follows.
func TestRecordsAtTheEdge(t *testing.T) {
	for _, v := range spoken {
		for _, r := range longRecords(v) {
			t.Run(fmt.Sprintf("%s/%s", v, r.name), func(t *testing.T) {
				each := len(r.append(v, 2)) - len(r.append(v, 1))
				room := NewReplies(v, 1, r.part, nil).Room()
				last := (room - len(r.append(v, 0))) / each
				for len(r.append(v, last+1)) <= room {
					last++
				}
				for len(r.append(v, last)) > room {
					last--
				}
				var msgs [][]byte
				out := NewReplies(v, 1, r.part, func(msg []byte) { msgs = append(msgs, bytes.Clone(msg)) })
				sizes := []int{1, last - 1, last, last + 1, last + 2, last + 10, 2 * last, 1, 0}
				var want []int
				for _, n := range sizes {
					out.Add(r.append(v, n))
					if n <= last {
						want = append(want, n)
					}
				}
				out.End()
				if got := len(sizes) - len(want); out.TooLong() != got {
					t.Errorf("%d left out, want %d", out.TooLong(), got)
				}
				var got []int
				for i, msg := range msgs {
					h, err := ParseHeader(msg)
					if err != nil || int(h.Length) != len(msg) {
						t.Fatalf("message %d of %d bytes says it has %d: %v", i, len(msg), h.Length, err)
					}
					m, err := ParseMultipart(v, msg[HeaderLen:])
					if err != nil || m.More != (i < len(msgs)-1) {
						t.Fatalf("message %d: more: %v, %v", i, m.More, err)
					}
					for b := m.Body; len(b) > 0; {
						n, rest, err := r.parse(v, b)
						if err != nil {
							t.Fatalf("message %d: %v", i, err)
						}
						got, b = append(got, n), rest
					}
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("records of %v, want %v", got, want)
				}
				if n := len(r.append(v, last)); n > room || n+each < room-8 {
					t.Errorf("the longest has %d bytes of %d", n, room)
				}
			})
		}
	}
}

// A record of statistics of a port has room for names and numbers of its own up to where the
// next would not fit.
func TestPortStatsAtTheEdge(t *testing.T) {
	s := PortStats{Port: 1}
	for range 300 {
		s.Custom = append(s.Custom, Counter{Name: string(bytes.Repeat([]byte{'x'}, 255)), Value: 7})
	}
	for _, v := range spoken {
		b := s.Append(nil, v)
		out := NewReplies(v, 1, Multipart{Part: PartPort}, func([]byte) {})
		out.Add(b)
		got, rest, err := ParsePortStats(v, b)
		if err != nil || len(rest) != 0 || out.TooLong() != 0 {
			t.Fatalf("%s: %v, %d bytes left", v, err, len(rest))
		}
		if want := 65400 / 264; v >= V14 && len(got.Custom) != want {
			t.Errorf("%s: %d numbers, want %d", v, len(got.Custom), want)
		}
	}
}

// Of a packet that finds no room the end is cut, and its length is told.
func TestPacketInsAtTheEdge(t *testing.T) {
	for _, v := range spoken {
		for f, parse := range map[PacketInFormat]func(Version, []byte) (*PacketInMsg, error){
			PacketInStandard: ParsePacketIn, PacketInNXT: ParsePacketInNXT, PacketInNXT2: ParsePacketIn2,
		} {
			cut, whole := 0, 0
			for n := 65300; n <= 65600; n++ {
				data := bytes.Repeat([]byte{0xab}, n)
				p := &PacketInMsg{Reason: ReasonAction, TableID: 3, Cookie: 7, FullLen: uint32(n), Data: data, Metadata: meta(uint64(flow.InPort), 7, uint64(flow.Reg0), 1)}
				if v == V10 && f == PacketInStandard {
					p.TableID, p.Cookie, p.Metadata = 0, NoCookie, meta(uint64(flow.InPort), 7)
				}
				msg := AppendPacketIn(nil, v, 1, f, p)
				h, err := ParseHeader(msg)
				if err != nil || int(h.Length) != len(msg) {
					t.Fatalf("%s, format %d: message of %d bytes says it has %d: %v", v, f, len(msg), h.Length, err)
				}
				body := msg[HeaderLen:]
				if f != PacketInStandard {
					body = body[8:]
				}
				got, err := parse(v, body)
				if err != nil {
					t.Fatalf("%s, format %d, %d bytes: %v", v, f, n, err)
				}
				wantLen := uint32(n)
				if f != PacketInNXT2 {
					wantLen = min(wantLen, 0xffff)
				}
				if got.FullLen != wantLen || !bytes.Equal(got.Data, data[:len(got.Data)]) || got.Metadata != p.Metadata {
					t.Fatalf("%s, format %d: %d bytes of %d, want %d", v, f, len(got.Data), got.FullLen, n)
				}
				if len(got.Data) == n {
					whole++
				} else if cut++; len(msg) < MaxLen-8 {
					t.Fatalf("%s, format %d: a packet of %d bytes is cut in a message of %d", v, f, n, len(msg))
				}
			}
			if cut == 0 || whole == 0 {
				t.Errorf("%s, format %d: %d cut, %d whole", v, f, cut, whole)
			}
		}
	}
}

// A packet that pauses has its continuation and all of its bytes, or it has no continuation:
// one that went on cut, or did half of what it was to do, would be worse than one that is lost.
func TestContinuationsAtTheEdge(t *testing.T) {
	for _, v := range spoken {
		with, without := 0, 0
		for n := 1; n < 9000; n += 41 {
			c := &Continuation{Switch: [16]byte{1}, Steps: []ContinuationStep{{Table: 1, Actions: outputs(n)}, {Actions: outputs(3)}}}
			data := bytes.Repeat([]byte{0xab}, 1500)
			msg := AppendPacketIn(nil, v, 1, PacketInNXT2, &PacketInMsg{Reason: ReasonAction, FullLen: 1500, Data: data, Paused: c, UserData: []byte{1}})
			if h, err := ParseHeader(msg); err != nil || int(h.Length) != len(msg) {
				t.Fatalf("%s: message of %d bytes says it has %d: %v", v, len(msg), h.Length, err)
			}
			p, err := ParsePacketIn2(v, msg[HeaderLen+8:])
			if err != nil || len(p.Data) != 1500 || p.FullLen != 1500 {
				t.Fatalf("%s: %v, %d bytes", v, err, len(p.Data))
			}
			if p.Continuation == nil {
				without++
				if room := MaxLen - len(msg); room >= len(c.Append(nil, v))+8 {
					t.Fatalf("%s: none, where %d bytes are left", v, room)
				}
				continue
			}
			with++
			got, err := ParseContinuation(v, p.Continuation)
			if err != nil || len(got.Steps) != 2 || len(got.Steps[0].Actions) != n {
				t.Fatalf("%s: %d actions come back as another continuation: %v", v, n, err)
			}
		}
		if with == 0 || without == 0 {
			t.Errorf("%s: %d with a continuation, %d without", v, with, without)
		}
	}
}
