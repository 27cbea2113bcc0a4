// Package scenarios is what pollux bench run measures: one YAML file a scenario, read as
// strictly as a configuration is. Those in this folder are in the binary; List names them.
//
// Parse checks everything that can be told from a file: nothing that it returns fails for
// want of sense, only for want of memory, cores or a file to play.
package scenarios
