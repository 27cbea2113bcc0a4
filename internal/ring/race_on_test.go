//go:build race

package ring

// stress is how many values the two-thread test passes; the race detector makes
// each about twenty times dearer.
const stress = 200_000
