// Package configs is the switch's configuration: one YAML file a deployment.
//
// Load reads a file strictly: an unknown key, a wrong type, a key given twice or a
// value out of range is an error with file, line and column, and all errors of a
// file are reported at once (type Errors). Nothing is returned for a file with an
// error, so nothing can be half applied.
//
// The types are plain values without behaviour. A loaded Config is complete: what
// the file leaves out has its default (defaults.go), ports have their numbers and
// every queue its loop (complete.go). Nobody changes a Config after Load, so that
// threads may share it; a reload loads another one and Diff says what changed.
//
// The struct tags are the one table of documentation: the JSON schema
// (pollux.schema.json) and the reference (REFERENCE.md) are generated from them.
// Tag json is the key (and whether it may be left out), jsonschema its meaning, unit
// its unit, range its least and greatest value (or time, of
// which either may be missing; zero that 0 is allowed besides), maxlen its most bytes, pow2 that it is a power of two (or 0),
// oneof its allowed words, reload whether a change
// of it needs a restart (keys of the file, and of its blocks).
package configs
