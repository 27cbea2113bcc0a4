//go:build !amd64

package flow

func shorten(a *shortening, n int) {
	a.shortenPlain(n)
	a.hashPlain(n)
}
