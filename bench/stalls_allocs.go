package bench

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
)

// AllocSite is where the loop's thread allocates.
type AllocSite struct {
	Site    string `json:"site"` // the innermost functions, the caller last
	Objects int64  `json:"objects"`
	Bytes   int64  `json:"bytes"`
	Asked   bool   `json:"asked"` // within what the control plane had asked the loop to do
}

// loopAllocs returns what was allocated by loops so far, by site: of the stacks that the
// runtime noted, those that the poll loop is in.
func loopAllocs() map[string]AllocSite {
	// A profile shows what was allocated before the last collection but one.
	runtime.GC()
	runtime.GC()
	records := make([]runtime.MemProfileRecord, 1024)
	n, ok := runtime.MemProfile(records, true)
	for !ok {
		records = make([]runtime.MemProfileRecord, n+256)
		n, ok = runtime.MemProfile(records, true)
	}
	sites := map[string]AllocSite{}
	for i := range records[:n] {
		if s, in := loopSite(records[i].Stack()); in {
			old := sites[s.Site]
			s.Objects, s.Bytes = old.Objects+records[i].AllocObjects, old.Bytes+records[i].AllocBytes
			sites[s.Site] = s
		}
	}
	return sites
}

// siteDepth is how many functions of a stack name a site.
const siteDepth = 4

// loopSite names the site of a stack, and says whether the poll loop is in it.
func loopSite(stack []uintptr) (s AllocSite, in bool) {
	var names []string
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		name := strings.TrimPrefix(f.Function, "pollux/")
		if !strings.HasPrefix(name, "runtime.") && len(names) < siteDepth {
			names = append(names, name)
		}
		in = in || strings.HasSuffix(f.Function, "pmd.(*Loop).run")
		s.Asked = s.Asked || strings.HasSuffix(f.Function, "pmd.(*mailbox).serve")
		if !more {
			break
		}
	}
	s.Site = strings.Join(names, " < ")
	return s, in
}

// allocsSince returns the sites that have allocated meanwhile, those with most first.
func allocsSince(old, now map[string]AllocSite) (list []AllocSite) {
	for site, s := range now {
		if s.Objects -= old[site].Objects; s.Objects > 0 {
			s.Bytes -= old[site].Bytes
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b AllocSite) int {
		return cmp.Or(cmp.Compare(b.Objects, a.Objects), strings.Compare(a.Site, b.Site))
	})
	return list
}
