//go:build !amd64 || purego

package classifier

func find(a *finding, n int) { a.findPlain(n) }
