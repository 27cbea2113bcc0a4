package configs

import "embed"

// Files holds the deployments of this folder, for commands that bring one along
// with the binary.
//
//go:embed *.yaml
var Files embed.FS
