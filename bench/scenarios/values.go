package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	"pollux/pmd/port"
)

// Mix is lengths of frames, as they are written.
type Mix struct {
	Text string
	port.Mix
}

// MarshalText writes what was read.
func (m Mix) MarshalText() ([]byte, error) { return []byte(m.Text), nil }

// UnmarshalText reads lengths as port.ParseMix does.
func (m *Mix) UnmarshalText(b []byte) (err error) {
	m.Text = string(b)
	m.Mix, err = port.ParseMix(m.Text)
	return err
}

// Rate is a number a second, of which k or m behind it make thousands or millions.
type Rate float64

// MarshalText writes r as UnmarshalText reads it.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String is the rate with the unit that makes it shortest.
func (r Rate) String() string {
	for _, u := range []struct {
		by   Rate
		unit string
	}{{1e6, "m"}, {1e3, "k"}} {
		if r >= u.by {
			return strconv.FormatFloat(float64(r/u.by), 'g', -1, 64) + u.unit
		}
	}
	return strconv.FormatFloat(float64(r), 'g', -1, 64)
}

// UnmarshalText reads a rate below 1000m.
func (r *Rate) UnmarshalText(b []byte) error {
	num, by := string(b), 1.0
	switch {
	case strings.HasSuffix(num, "k"):
		num, by = strings.TrimSuffix(num, "k"), 1e3
	case strings.HasSuffix(num, "m"):
		num, by = strings.TrimSuffix(num, "m"), 1e6
	}
	v, err := strconv.ParseFloat(num, 64)
	v *= by
	if err != nil || !(v >= 0 && v < 1e9) { // so that NaN is refused too
		return fmt.Errorf("rate %q: must be a number a second below 1000m, as in 200k or 1.5m", b)
	}
	*r = Rate(v)
	return nil
}

// Number is a number with or without a fraction.
type Number float64

// MarshalText writes n as UnmarshalText reads it.
func (n Number) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

// UnmarshalText reads a number.
func (n *Number) UnmarshalText(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return fmt.Errorf("%q is not a number, as 1.2", b)
	}
	*n = Number(v)
	return nil
}
