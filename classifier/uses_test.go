package classifier

import (
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"pollux/flow"
)

// TestOthersTouch is which decisions a change of a port, a group or a meter touches.
func TestOthersTouch(t *testing.T) {
	var k flow.Key
	var mask flow.Mask
	k.Set(flow.WPort, 5)
	asked := func(fn func(*Uses)) *Path {
		p := &Path{}
		fn(&p.Uses)
		return p
	}
	changed := func(fn func(*Others)) *Others {
		o := &Others{}
		fn(o)
		return o
	}
	for _, c := range []struct {
		name string
		p    *Path
		o    *Others
		want bool
	}{
		{"nothing", asked(func(u *Uses) { u.AllPorts(); u.AllGroups(); u.AllMeters() }), &Others{}, false},
		{"a port", asked(func(u *Uses) { u.Port(7) }), changed(func(o *Others) { o.Port(7) }), true},
		{"another port", asked(func(u *Uses) { u.Port(7) }), changed(func(o *Others) { o.Port(71) }), false},
		{"another port that is taken for it", asked(func(u *Uses) { u.Port(7) }), changed(func(o *Others) { o.Port(256 + 7) }), true},
		{"a group of a port's number", asked(func(u *Uses) { u.Port(7) }), changed(func(o *Others) { o.Group(7) }), false},
		{"any port", asked(func(u *Uses) { u.AllPorts() }), changed(func(o *Others) { o.Port(0xfffffffe) }), true},
		{"a group", asked(func(u *Uses) { u.Group(200) }), changed(func(o *Others) { o.Group(200) }), true},
		{"all groups", asked(func(u *Uses) { u.Group(200) }), changed(func(o *Others) { o.AllGroups() }), true},
		{"a meter", asked(func(u *Uses) { u.Meter(100) }), changed(func(o *Others) { o.Meter(100) }), true},
		{"another meter", asked(func(u *Uses) { u.Meter(100) }), changed(func(o *Others) { o.Meter(101) }), false},
		{"all meters", asked(func(u *Uses) { u.Meter(100) }), changed(func(o *Others) { o.AllMeters() }), true},
		{"the port that packets come in by", asked(func(u *Uses) {}), changed(func(o *Others) { o.Receives(5) }), true},
		{"another", asked(func(u *Uses) { u.Port(6) }), changed(func(o *Others) { o.Receives(6) }), false},
		{"whether packets can leave by the port that they come in by", asked(func(u *Uses) {}), changed(func(o *Others) { o.Port(5) }), false},
	} {
		ch := new(Changes).All([2]uint64{5, 9}).Beside([2]uint64{6, 10}, c.o).Rules([2]uint64{7, 11}, nil)
		for fdb, gen := range []uint64{5, 9} {
			if got := ch.Touched(gen, fdb, &k, &mask, c.p, nil); got != c.want {
				t.Errorf("%s: touched %v, want %v", c.name, got, c.want)
			}
			if ch.Touched(gen+1, fdb, &k, &mask, c.p, nil) {
				t.Errorf("%s: touches decisions that know it", c.name)
			}
		}
	}
}

// TestPathsHaveLinesOfTheirOwn: two cache lines, so that no two loops share one.
func TestPathsHaveLinesOfTheirOwn(t *testing.T) {
	if n := unsafe.Sizeof(Path{}); n != 128 {
		t.Errorf("a Path has %d bytes, want 128", n)
	}
}

// TestPathsAreEqual: two paths are equal if nothing of them differs, whatever else they have.
func TestPathsAreEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]uint64{0, 1, 3, 1 << 63, ^uint64(0)})
		draw := func(name string) (p Path) {
			for i := range p.Tables {
				p.Tables[i] = word.Draw(t, name+" tables")
				p.Uses.Ports[i] = word.Draw(t, name+" ports")
				p.Uses.Groups[i] = word.Draw(t, name+" groups")
			}
			for i := range p.Uses.Meters {
				p.Uses.Meters[i] = word.Draw(t, name+" meters")
			}
			p.Written = word.Draw(t, name+" written")
			p.Uses.Marks = Marks(word.Draw(t, name+" marks"))
			return p
		}
		a, b := draw("one"), draw("other")
		// Mostly all but a part is the same.
		switch rapid.IntRange(0, 5).Draw(t, "part") {
		case 0:
			b.Uses = a.Uses
		case 1:
			b.Tables, b.Written, b.Uses.Groups, b.Uses.Meters = a.Tables, a.Written, a.Uses.Groups, a.Uses.Meters
		case 2:
			b.Tables, b.Written, b.Uses.Ports, b.Uses.Meters = a.Tables, a.Written, a.Uses.Ports, a.Uses.Meters
		case 3:
			b.Tables, b.Written, b.Uses.Ports, b.Uses.Groups = a.Tables, a.Written, a.Uses.Ports, a.Uses.Groups
		case 4:
			b = a
		}
		if a.Equal(&b) != (a == b) {
			t.Fatalf("Equal is %v of %+v and %+v", a.Equal(&b), a, b)
		}
	})
}

// TestPathsAreCompared: paths that differ in any bit are not equal, nor are their hashes.
func TestPathsAreCompared(t *testing.T) {
	for w := range unsafe.Sizeof(Path{}) / 8 {
		for b := range 64 {
			p, none := &Path{}, &Path{}
			(*[unsafe.Sizeof(Path{}) / 8]uint64)(unsafe.Pointer(p))[w] = 1 << b
			if p.Equal(none) || p.Hash() == none.Hash() {
				t.Fatalf("bit %d of word %d makes no difference", b, w)
			}
		}
	}
}

// TestPathHashes: paths that differ in one thing have different hashes.
func TestPathHashes(t *testing.T) {
	seen := map[uint64]bool{}
	add := func(fn func(*Path)) {
		p := &Path{}
		fn(p)
		if h := p.Hash(); seen[h] {
			t.Errorf("%+v has the hash of another", p)
		} else {
			seen[h] = true
		}
	}
	add(func(p *Path) {})
	for n := range uint32(40) {
		add(func(p *Path) { p.Look(uint8(n), 0) })
		add(func(p *Path) { p.Written = 1 << n })
		add(func(p *Path) { p.Uses.Meter(64 + n) })
	}
	for n := range uint32(40) {
		for w := range uint32(4) {
			add(func(p *Path) { p.Uses.Port(w<<6 + n) })
			add(func(p *Path) { p.Uses.Group(w<<6 + n) })
		}
	}
	add(func(p *Path) { p.Uses.AllPorts() })
}
