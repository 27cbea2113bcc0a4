//go:build !purego

package classifier

// find is findPlain.
//
//go:noescape
func find(a *finding, n int)
