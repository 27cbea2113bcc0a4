package pipeline

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pollux/actions"
	"pollux/flow"
	"pollux/pmd"
)

// mega is a cached decision of the simplest cache there is.
type mega struct {
	asked []actions.Question
	key   flow.Key
	mask  flow.Mask
	prog  *actions.Program
}

// sound is design law 1 for one switch and n packets: what a cache of masks and
// programs does with a packet is what the oracle's walk through the tables does,
// and packets that agree on a mask have equal programs. spoil, when not nil, edits
// each mask first.
func (w *world) sound(r *rand.Rand, n int, spoil func(*flow.Mask)) (cases int, err error) {
	snap := w.state.Snapshot()
	translate := func(p *questioned) *pmd.Upcall {
		u := p.upcall(snap, false)
		if spoil != nil {
			spoil(&u.Mask)
		}
		return u
	}
	var cached []mega
	var keys []flow.Key
	for range n {
		frame, in := randomFrame(r), uint32(1+r.IntN(5))
		if len(keys) > 0 && r.IntN(2) == 0 { // near an earlier one
			frame = nearFrame(r, frame)
		}
		var meta flow.Key
		meta.Set(flow.WPort, uint64(in))
		key := extract(frame, &meta)
		want, err := w.or.process(frame, in)
		if errors.Is(err, errTags) {
			continue
		}
		if err != nil {
			return cases, err
		}
		var m *mega
		hit, p := false, &questioned{own: &key, frame: frame}
		for m == nil || m.prog.Asks != nil {
			whole := key
			if m != nil {
				p.answer(m.prog.Asks)
				whole = *withAnswers(p.own, &p.answers)
			}
			at := slices.IndexFunc(cached, func(m mega) bool { return slices.Equal(m.asked, p.asked) && m.mask.Match(&whole, &m.key) })
			if hit = at >= 0; hit {
				m = &cached[at]
			} else {
				u := translate(p)
				cached = append(cached, mega{asked: p.asked, mask: u.Mask, prog: u.Program})
				m = &cached[len(cached)-1]
				u.Mask.Apply(&m.key, &whole)
			}
			// A key that agrees with this one on the mask, and is that of another packet
			// elsewhere.
			if len(keys) > 0 {
				mixed := mix(&whole, &keys[r.IntN(len(keys))], &m.mask, len(p.asked) > 0)
				other := p.apart(mixed)
				a, b := translate(p), translate(other)
				cases++
				if a.Mask.Match(&mixed, &whole) && (!actions.Equal(a.Program, b.Program) || a.Program.Drop != b.Program.Drop || a.FDB != b.FDB || !reflect.DeepEqual(a.Credit, b.Credit)) {
					return cases, fmt.Errorf("two packets of one megaflow, two programs:\n%v\n%v\n%s\n%s", a.Program, b.Program, w.trace(&key), w.trace(other.own))
				}
			}
			keys = append(keys, whole)
		}
		cases++
		if got := execute(m.prog, frame, w.resume); !sameSent(got, want) && !w.or.refused(m.prog) {
			return cases, fmt.Errorf("cached=%v\nprogram %v drop %v\nsent:%s\nwant:%s\nin_port %d frame %x\n%s", hit, m.prog, m.prog.Drop, showSent(got), showSent(want), in, frame, w.trace(&key))
		}
	}
	return cases, nil
}

func (w *world) trace(k *flow.Key) string {
	return strings.Join(w.lines, "\n") + "\n" + w.state.Snapshot().Trace(k).String()
}

// nearFrame flips a bit somewhere in the headers.
func nearFrame(r *rand.Rand, f []byte) []byte {
	f[r.IntN(12)] ^= 1 << r.IntN(8)
	return f
}

// mix returns a where mask looks and b elsewhere, as far as a packet could be so:
// without a tag there is nothing of a tag, and without a label nothing of a label; and under one
// what was asked for.
func mix(a, b *flow.Key, mask *flow.Mask, asked bool) (k flow.Key) {
	for i := range k.W {
		v := a.W[i]&mask.W[i] | b.W[i]&^mask.W[i]
		if flow.Word(i) == flow.WVLAN {
			if v>>16&flow.VlanCFI == 0 {
				v &^= 0xffffffff
			}
			if v>>48&flow.VlanCFI == 0 {
				v = 0
			}
		}
		if v != 0 {
			k.Set(flow.Word(i), v)
		}
	}
	if !flow.PreMPLS.Met(&k) {
		k.Set(flow.WMPLS, 0)
		k.Set(flow.WMPLS2, 0)
	}
	if !asked {
		for _, w := range pipelineWords {
			k.Set(w, 0)
		}
	}
	if asked || !flow.PreMPLS.Met(&k) {
		return k
	}
	for w := flow.StageL3; w < flow.NumWords; w++ {
		k.Set(w, 0)
	}
	return k
}

// TestTranslationIsSound is laws 1 and 4's first half: masks have every bit that
// they need.
func TestTranslationIsSound(t *testing.T) {
	total := 0
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		w := newWorld(t, r, rapid.IntRange(1, 40).Draw(t, "flows"))
		n, err := w.sound(r, 200, nil)
		total += n
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%d cases", total)
}

// TestCountersAreExact is the counters of all flows and tables after random packets,
// credited through cached decisions in uneven pieces, against what the oracle saw.
func TestCountersAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 4))
		w := newWorld(t, r, 30)
		want, passed := map[ruleID]uint64{}, map[bucketRef]uint64{}
		var lookups uint64
		type decision struct {
			mega
			credit interface{ Credit(p, b uint64, now int64) }
			held   uint64
		}
		var cached []*decision
		for range 100 {
			frame, in := randomFrame(r), uint32(1+r.IntN(5))
			if _, err := w.or.process(frame, in); errors.Is(err, errTags) {
				continue
			}
			var meta flow.Key
			meta.Set(flow.WPort, uint64(in))
			key := extract(frame, &meta)
			var d *decision
			for _, c := range cached {
				if c.mask.Match(&key, &c.key) {
					d = c
				}
			}
			if d == nil {
				u, n := settle(w.state.Snapshot(), &key, frame, false)
				d = &decision{mega: mega{mask: u.Mask, prog: u.Program}, credit: u.Credit}
				if n > 0 {
					d.mask.Or(flow.WReg0, 1) // of this packet alone: none has that bit
					d.key.Set(flow.WReg0, 1)
				} else {
					u.Mask.Apply(&d.key, &key)
				}
				cached = append(cached, d)
			}
			// What is left to do to packets that pause is credited apart, unless the oracle does
			// not know what becomes of this packet.
			var rest []*pmd.Upcall
			var again func(*actions.Punt, []byte) []sent
			again = func(p *actions.Punt, frame []byte) []sent {
				u := resumed(w.state.Snapshot(), frame, p)
				w.or.gaveUp = w.or.gaveUp || u.Program.Drop == actions.DropHidden
				rest = append(rest, u)
				return execute(u.Program, frame, again)
			}
			execute(d.prog, frame, again)
			if w.or.refused(d.prog) || w.or.over && w.first != 0 {
				continue // of copies on their way out the one that reaches a limit ends the others, sooner or later
			}
			for _, u := range rest {
				u.Credit.Credit(1, 96, 0)
			}
			for _, f := range w.or.hits {
				want[f.id()]++
			}
			for _, b := range w.or.passed {
				passed[b]++
			}
			lookups += uint64(w.or.lookups)
			d.held++
			if r.IntN(3) == 0 {
				d.credit.Credit(d.held, d.held*96, 0)
				d.held = 0
			}
		}
		for _, d := range cached {
			d.credit.Credit(d.held, d.held*96, 0)
		}
		for _, f := range w.state.DumpFlows() {
			if n := want[f.Flow.id()]; f.Packets != n || f.Bytes != n*96 {
				t.Fatalf("%s: want %d packets\n%s", f.String(), n, strings.Join(w.lines, "\n"))
			}
		}
		for _, g := range w.state.GroupStats(GroupAllGroups) {
			if n := passed[bucketRef{g.Group.ID, -1}]; g.Packets != n || g.Bytes != n*96 {
				t.Fatalf("group %d counts %d packets, want %d\n%s", g.Group.ID, g.Packets, n, strings.Join(w.lines, "\n"))
			}
			for i, b := range g.Buckets {
				if n := passed[bucketRef{g.Group.ID, i}]; b.Packets != n || b.Bytes != n*96 {
					t.Fatalf("bucket %d of group %d counts %d packets, want %d\n%s", b.ID, g.Group.ID, b.Packets, n, strings.Join(w.lines, "\n"))
				}
			}
		}
		var got uint64
		for _, s := range w.state.Snapshot().DumpTables() {
			got += s.Lookups
		}
		if got != lookups {
			t.Fatalf("%d look-ups are counted, want %d", got, lookups)
		}
	})
}
