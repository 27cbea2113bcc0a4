//go:build !amd64

package cache

func tallyBonds(t *tallied, idx []uint16) { tallyPlain(t, idx) }
