//go:build !amd64 || purego

package flow

func shorten(a *shortening, n int) {
	a.shortenPlain(n)
	a.hashPlain(n)
}
