//go:build !race

package ring

// stress is how many values the two-thread test passes.
const stress = 4_000_000
