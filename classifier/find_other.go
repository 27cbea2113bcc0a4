//go:build !amd64

package classifier

func find(a *finding, n int) { a.findPlain(n) }
