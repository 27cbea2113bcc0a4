package main

import (
	"pollux/configs"
	"pollux/internal/vswitch"
)

// loadConfig reads and checks a configuration, its flows among it.
func loadConfig(path string) (*configs.Config, error) {
	return configs.Load(path, vswitch.LoadOptions())
}
