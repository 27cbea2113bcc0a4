package configs

//go:generate env UPDATE=1 go test -count=1 -run IsCurrent .
