//go:build !amd64 || purego

package cache

func tallyBonds(t *tallied, idx []uint16) { tallyPlain(t, idx) }
