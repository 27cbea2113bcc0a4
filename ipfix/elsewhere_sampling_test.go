package ipfix

import (
	"math"
	"pollux/flow"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pollux/actions"
	"pollux/internal/mixed/peers"
	"pollux/internal/packet"
	"pollux/ipfix/cache"
	"pollux/ipfix/internal/frames"
)

// The bounds of the tests of sampling. A count of n draws with probability p has, but
// for one time in 10^9, no more than sixSigma standard deviations from n·p; of 50 seeds
// one is beyond in less than one run in 10^6.
const (
	seeds    = 50
	sixSigma = 6.2
)

// within fails unless a count that came of n draws with probability p is near n·p; it
// returns how far it is, in standard deviations.
func within(t *testing.T, what string, count uint64, n, p float64) float64 {
	t.Helper()
	z := (float64(count) - n*p) / math.Sqrt(n*p*(1-p))
	if math.Abs(z) > sixSigma {
		t.Errorf("%s: %d of %.0f, want %.0f: %.1f standard deviations away", what, count, n, n*p, z)
	}
	return z
}

// spread fails unless the squares of distances add up as those of independent draws do:
// sampling every Nth packet would come too near, draws that hang together too far.
// Bounds are quantiles 10^-7 and 1 - 10^-7 of chi-squared with 50 degrees of freedom.
func spread(t *testing.T, what string, z []float64) {
	t.Helper()
	sum := 0.0
	for _, v := range z {
		sum += v * v
	}
	if len(z) != seeds {
		t.Fatalf("%d seeds", len(z))
	}
	if sum < 14 || sum > 119 {
		t.Errorf("%s: the squared distances of %d seeds add up to %.1f, want about %d", what, seeds, sum, seeds)
	}
}

// TestEstimatesOfSampling: of 50 seeds of 1:100, what all records and those of each flow
// say, times 100, is what was sent, within the interval of the binomial distribution.
func TestEstimatesOfSampling(t *testing.T) {
	const n, rounds = 100, 200
	b := frames.NewBatch()
	var all []frames.Spec
	for i := range 256 { // flows of 128, 64, 32, … of 256 packets
		s := frames.Spec{Kind: frames.UDP4, Src: 1, Dst: 2, TCI: -1, SrcPort: 1, DstPort: 53, TTL: 64}
		for bit := i; bit&1 == 1; bit >>= 1 {
			s.SrcPort++
		}
		all = append(all, s)
	}
	b.Load(1, all)
	sent := map[uint16]float64{}
	for _, s := range all {
		sent[s.SrcPort] += rounds
	}
	var z []float64
	flows := map[uint16][]float64{}
	for seed := range uint64(seeds) {
		c := cache.New(cache.Config{Sampling: n, Seed: seed, Memory: &b.Memory})
		for now := range int64(rounds) {
			c.Observe(cache.Point{}, &b.Batch, flow.Keys{Whole: b.Keys[:]}, b.Idx[:], nil, now)
		}
		got := map[uint16]uint64{}
		c.Each(new(int), 1<<20, func(r *cache.Record) { got[r.SrcPort] = r.Packets })
		c.Publish()
		s := c.Stats()
		if s.Offered != rounds*256 {
			t.Fatalf("offered %d packets of %d", s.Offered, rounds*256)
		}
		z = append(z, within(t, "all", s.Seen.Packets, float64(s.Offered), 1.0/n))
		for port, packets := range sent {
			if packets < 6400 {
				continue // too few are chosen for their number to be normal
			}
			flows[port] = append(flows[port], within(t, "flow "+strconv.Itoa(int(port)), got[port], packets, 1.0/n))
		}
		c.FlushAll(1 << 20)
	}
	spread(t, "all", z)
	for port, z := range flows {
		spread(t, "flow "+strconv.Itoa(int(port)), z)
	}
}

// TestProbability40000: a sample action with probability 40000 of 65535 chooses that
// very part of packets, over 50 seeds and over all of them together.
func TestProbability40000(t *testing.T) {
	const p, rounds = 40000, 100
	b := frames.NewBatch()
	b.Load(1, specs(1000, 70)[:256])
	build := actions.NewBuilder()
	build.Sample(actions.Sample{Probability: p})
	program := build.Program()
	var z []float64
	total := uint64(0)
	for seed := range uint64(seeds) {
		c := cache.New(cache.Config{Seed: seed, Memory: &b.Memory})
		free := packet.NewFreeList(&b.Memory, 0)
		e := actions.NewExec(&b.Memory, free) // each draws from a seed of its own
		e.Caches = []*cache.Cache{c}
		for range rounds {
			var chunks [packet.MaxBatch]uint64
			free.GetN(chunks[:]) // those of the batch, which Run gives back
			e.Run(program, &b.Batch, flow.Keys{Whole: b.Keys[:]}, b.Idx[:])
		}
		c.Publish()
		n := c.Stats().Seen.Packets
		total += n
		z = append(z, within(t, "seed "+strconv.Itoa(int(seed)), n, rounds*256, p/65535.0))
	}
	within(t, "all seeds", total, seeds*rounds*256, p/65535.0)
	spread(t, "seeds", z)
}

// TestSamplingDescribed: the options say how packets were selected: of an exporter that
// takes one in 100, and of a sample action with probability 40000 of 65535 before that.
// goflow2's decoder and tshark read the same.
func TestSamplingDescribed(t *testing.T) {
	const n = 100
	c, w := listen(t), peers.StartCapture(t)
	l := newLab(cache.Config{Sampling: n}, 1)
	_, stop := runExporter(t, ExporterConfig{Targets: []string{c.Addr(), w.Addr()}, Epoch: epoch, MessageRate: 2000}, l.caches)
	all := specs(3000, 71)
	l.send(0, cache.Point{}, all)
	l.send(0, cache.Point{Probability: 40000}, all)
	l.flush(t)
	stop()
	l.caches[0].Publish()
	c.Wait(l.caches[0].Stats().Seen.Packets, patience)
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }
	want := []float64{1.0 / n, 40000 / 65535.0 / n}
	for _, s := range c.Sessions() {
		for id, sel := range s.Told.Selectors {
			i := slices.IndexFunc(want, func(p float64) bool { return near(p, sel.Probability) })
			if sel.Algorithm != uniformProbabilistic || i < 0 {
				t.Errorf("selector %d: %+v, want probabilities %v", id, sel, want)
				continue
			}
			want = slices.Delete(want, i, i+1)
		}
	}
	if len(want) > 0 {
		t.Errorf("nobody told of the probabilities %v", want)
	}
	text := peers.Tshark(t, w.Stop())
	if bad := peers.Complaints(text); len(bad) > 0 {
		t.Errorf("tshark complains: %q", bad[0])
	}
	shown := map[string]bool{}
	selectors, sampled := map[string]string{}, map[string]bool{}
	for _, r := range peers.Records(text) {
		if a, ok := r["Selector Algorithm"]; ok {
			shown[a] = true
			selectors[r["Selector Id"]] = r["Sampling Probability"]
		} else if id, ok := r["Selector Id"]; ok {
			sampled[id] = true
		}
	}
	for a := range shown {
		if !strings.Contains(a, "Uniform probabilistic") && !strings.Contains(a, "(4)") {
			t.Errorf("tshark shows the algorithm %q", a)
		}
	}
	if len(selectors) != 2 || len(sampled) == 0 {
		t.Errorf("tshark shows selectors %v, and records of %v", selectors, sampled)
	}
	for id := range sampled {
		if selectors[id] == "" {
			t.Errorf("records are of selector %s, of which nothing is told: %v", id, selectors)
		}
	}
	t.Logf("tshark: %v %v", shown, selectors)
}
