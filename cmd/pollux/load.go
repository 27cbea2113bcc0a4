package main

import (
	"pollux/configs"
	"pollux/internal/vswitch"
)

// loadConfig reads and checks a configuration, its flows among it.
func loadConfig(path string) (*configs.Config, error) {
	return configs.Load(path, vswitch.LoadOptions())
}

// loadForCores is loadConfig as if this machine had cores 0 to n-1; n = 0 takes it as
// it is.
func loadForCores(path string, n int) (*configs.Config, error) {
	opt := vswitch.LoadOptions()
	if n > 0 {
		opt.CPUs = func() []int {
			cores := make([]int, n)
			for i := range cores {
				cores[i] = i
			}
			return cores
		}
		opt.IsDir = func(string) bool { return true } // its own are not to be seen from here
	}
	return configs.Load(path, opt)
}
