package configs

// nearest returns the word of words that is most like w, or "" if none is near.
func nearest(w string, words []string) string {
	best, dist := "", 1+len(w)/2
	for _, c := range words {
		if d := editDistance(w, c); d < dist {
			best, dist = c, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions and replacements of bytes that
// make a into b.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return len(a) + len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diag
			if a[i] != b[j] {
				d++
			}
			diag = row[j+1]
			row[j+1] = min(d, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
