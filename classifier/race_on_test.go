//go:build race

package classifier

// scaled makes a test's count smaller under the race detector, which costs tenfold.
func scaled(n int) int { return max(n/10, 1) }
