package scenarios

//go:generate go test -count=1 -run IsCurrent . -update
