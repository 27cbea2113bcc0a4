//go:build !purego

package cache

// tallyBonds is tallyPlain.
//
//go:noescape
func tallyBonds(t *tallied, idx []uint16)
