package pmd

// passBy decides whether packets are looked for in the exact-match cache at all. Where far
// more flows are about than it holds, asking it and writing to it costs each packet about 12
// ns, and the few that it knows are found elsewhere for not much more. So it is judged by a
// trial, which begins with an empty cache, and when it does not pay packets pass it by until
// the next.
type passBy struct {
	off  bool
	left int // packets until the next judgment

	// Counts when the trial began.
	hits, mega, guessed, visited uint64
}

const (
	trialRounds = 4  // a trial takes so many packets for each entry of the cache
	restTrials  = 16 // and after it they pass by for so many times as long

	askNS    = 12 // what a packet costs that the exact cache is asked for
	guessNS  = 40 // what finding a megaflow by its signature costs, far from the processor
	findNS   = 8  // or in subtables,
	visitNS  = 4  // and each of them
	knownMin = 2  // one packet in so many that is known makes the cache worth keeping anyway
)

// spend takes n packets off the period and judges at its end.
func (l *Loop) spend(n int) {
	p := &l.passBy
	if p.left -= n; p.left > 0 {
		return
	}
	trial := trialRounds * l.exactSlots
	switch {
	case p.off:
		p.off = false
		l.exact.Forget()
		l.exec.Slots = l.slots[:]
		p.left = trial
	case l.pays(uint64(trial)):
		p.left = trial
	default:
		p.off = true
		l.exec.Slots = nil // packets have none
		p.left = restTrials * trial
	}
	m := l.mega.Stats()
	p.hits, p.mega, p.guessed, p.visited = l.stats.ExactHits, m.Hits, m.Guessed, m.Visited
}

// pays says whether the exact cache was worth asking in the last trial of n packets.
func (l *Loop) pays(n uint64) bool {
	p := &l.passBy
	known := l.stats.ExactHits - p.hits
	if known*knownMin >= n {
		return true
	}
	m := l.mega.Stats()
	elsewhere := float64(findNS)
	if hits, guessed := m.Hits-p.mega, m.Guessed-p.guessed; 2*guessed > hits {
		elsewhere = guessNS
	} else if hits > guessed {
		elsewhere += visitNS * float64(m.Visited-p.visited) / float64(hits-guessed)
	}
	return float64(known)*elsewhere >= float64(n)*askNS
}
