//go:build !purego

package flow

// shorten does what shortenPlain and hashPlain do.
//
//go:noescape
func shorten(a *shortening, n int)
