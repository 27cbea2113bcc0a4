package pipeline

import (
	"slices"
	"strconv"
	"strings"

	"pollux/actions"
	"pollux/flow"
)

// The names of enum nx_hash_fields, nx_mp_algorithm and nx_bd_algorithm, by number.
var (
	hashFieldNames      = actions.HashNames[:actions.HashFlow]
	multipathAlgorithms = []string{"modulo_n", "hash_threshold", "hrw", "iter_hash"}
	bundleAlgorithms    = []string{"active_backup", "hrw"}
)

// listed reads one of names and returns its number.
func (p *actionParser) listed(a argument, names []string) (int, error) {
	i := slices.Index(names, strings.ToLower(a.key))
	if i < 0 {
		return 0, p.errAt(a.off, a.n, "not one of %s", strings.Join(names, ", "))
	}
	return i, nil
}

// plain reads a number without a key.
func (p *actionParser) plain(a argument, what string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(a.key, 0, bits)
	if err != nil || a.value != "" {
		return 0, p.errAt(a.off, a.n, "the %s is a number from 0 to %d", what, ^uint64(0)>>(64-bits))
	}
	return n, nil
}

func (p *actionParser) multipath(w piece) (Action, error) {
	m := &Multipath{}
	a := Action{Kind: ActMultipath, List: &Lists{Multipath: m}}
	args := p.arguments(w)
	if len(args) != 6 {
		return a, p.errAt(w.off, w.end-w.off, "it has six operands, as in multipath(symmetric_l4,0,modulo_n,4,0,NXM_NX_REG0[0..7])")
	}
	fields, err := p.listed(args[0], hashFieldNames)
	if err != nil {
		return a, err
	}
	basis, err := p.plain(args[1], "basis", 16)
	if err != nil {
		return a, err
	}
	alg, err := p.listed(args[2], multipathAlgorithms)
	if err != nil {
		return a, err
	}
	links, err := p.plain(args[3], "number of links", 32)
	if err != nil {
		return a, err
	}
	if links < 1 || links > 65536 {
		return a, p.errAt(args[3].off, args[3].n, "there are 1 to 65536 links")
	}
	arg, err := p.plain(args[4], "argument", 32)
	if err != nil {
		return a, err
	}
	if m.Dst, err = p.subfield(args[5].key, args[5].off); err != nil {
		return a, err
	}
	if err := p.writable(m.Dst.Field, args[5].off, args[5].n, w); err != nil {
		return a, err
	}
	if m.Dst.Bits < 16 && links > 1<<m.Dst.Bits {
		return a, p.errAt(args[5].off, args[5].n, "%d bits do not hold the numbers of %d links", m.Dst.Bits, links)
	}
	m.Fields, m.Basis, m.Algorithm, m.MaxLink, m.Arg = HashFields(fields), uint16(basis), uint16(alg), uint16(links-1), uint32(arg)
	return a, nil
}

func (p *actionParser) bundle(w piece) (Action, error)     { return p.anyBundle(w, false) }
func (p *actionParser) bundleLoad(w piece) (Action, error) { return p.anyBundle(w, true) }

// anyBundle reads bundle(fields,basis,algorithm,ofport,members:1,2) and bundle_load, which
// has a field before the members.
func (p *actionParser) anyBundle(w piece, load bool) (Action, error) {
	b := &Bundle{}
	a := Action{Kind: ActBundle, List: &Lists{Bundle: b}}
	n, example := 4, "bundle(symmetric_l4,0,hrw,ofport,members:1,2)"
	if load {
		n, example = 5, "bundle_load(symmetric_l4,0,hrw,ofport,NXM_NX_REG0[],members:1,2)"
	}
	args := p.arguments(w)
	if len(args) < n+1 {
		return a, p.errAt(w.off, w.end-w.off, "operands are missing; it would be %s", example)
	}
	fields, err := p.listed(args[0], hashFieldNames)
	if err != nil {
		return a, err
	}
	basis, err := p.plain(args[1], "basis", 16)
	if err != nil {
		return a, err
	}
	alg, err := p.listed(args[2], bundleAlgorithms)
	if err != nil {
		return a, err
	}
	if !strings.EqualFold(args[3].key, "ofport") {
		return a, p.errAt(args[3].off, args[3].n, "the members are ports: ofport")
	}
	b.Fields, b.Basis, b.HRW = HashFields(fields), uint16(basis), alg == 1
	if load {
		if b.Dst, err = p.subfield(args[4].key, args[4].off); err != nil {
			return a, err
		}
		if err := p.writable(b.Dst.Field, args[4].off, args[4].n, w); err != nil {
			return a, err
		}
	}
	members := args[n:]
	head, first, ok := strings.Cut(members[0].key, ":")
	if !ok || head != "members" && head != "slaves" {
		return a, p.errAt(members[0].off, members[0].n, "the members follow members:, as in %s", example)
	}
	members[0].off += len(head) + 1
	members[0].key, members[0].n = first, len(first)
	for _, m := range members {
		if m.key == "" {
			continue
		}
		port, err := flow.ParsePort(m.key, p.ports)
		if strings.EqualFold(m.key, "ANY") || strings.EqualFold(m.key, "NONE") {
			port, err = AnyPort, nil // never up
		}
		if err != nil {
			return a, p.inside(err, m.off)
		}
		b.Slaves = append(b.Slaves, port)
	}
	if len(b.Slaves) > maxSlaves {
		return a, p.errAt(w.off, w.end-w.off, "a bundle has %d members at most", maxSlaves)
	}
	return a, nil
}

// maxSlaves is how many members a bundle has at most (BUNDLE_MAX_MEMBERS).
const maxSlaves = 2048
