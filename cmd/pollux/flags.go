package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// bounded is a flag whose value lies between two others.
type bounded[T int | time.Duration] struct {
	p           *T
	least, most T
	parse       func(string) (T, error)
	kind        string
}

// String implements pflag.Value.
func (b *bounded[T]) String() string {
	if b.p == nil {
		return ""
	}
	return fmt.Sprint(*b.p)
}

// Type implements pflag.Value.
func (b *bounded[T]) Type() string { return b.kind }

// Set implements pflag.Value.
func (b *bounded[T]) Set(s string) error {
	v, err := b.parse(s)
	if err != nil || v < b.least || v > b.most {
		return outside{fmt.Sprintf("is not from %v to %v", b.least, b.most)}
	}
	*b.p = v
	return nil
}

// outside says what a flag's value is not.
type outside struct{ msg string }

func (e outside) Error() string { return e.msg }

// intRange adds a flag for a number from least to most.
func intRange(f *pflag.FlagSet, p *int, name string, def, least, most int, usage string) {
	*p = def
	f.Var(&bounded[int]{p, least, most, strconv.Atoi, "int"}, name, usage)
}

// spanRange adds a flag for a time from least to most. The default may lie elsewhere.
func spanRange(f *pflag.FlagSet, p *time.Duration, name string, def, least, most time.Duration, usage string) {
	*p = def
	f.Var(&bounded[time.Duration]{p, least, most, time.ParseDuration, "duration"}, name, usage)
}

// flagError says of a flag's value what it should be, in words of this program rather
// than of the functions that read it.
func flagError(_ *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	f := bad.GetFlag()
	if out := (outside{}); errors.As(err, &out) {
		return fmt.Errorf("--%s %s %s", f.Name, bad.GetValue(), out.msg)
	}
	want := map[string]string{
		"duration": "a time as in 500ms, 10s or 1m", "bool": "true or false", "float64": "a number",
		"intSlice": "whole numbers with commas between them",
	}[f.Value.Type()]
	switch t := f.Value.Type(); {
	case want != "":
	case strings.HasPrefix(t, "uint"):
		want = "a whole number, not below 0"
		if bits := strings.TrimPrefix(t, "uint"); bits != "" {
			want += ", of " + bits + " bits"
		}
	case strings.HasPrefix(t, "int"):
		want = "a whole number"
	default:
		return err
	}
	return fmt.Errorf("--%s %q is not %s", f.Name, bad.GetValue(), want)
}
