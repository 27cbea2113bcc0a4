// Package cache is the flow cache of one poll loop: it accounts packets into flow
// records and lets the records of ended flows go through a bounded ring.
package cache
