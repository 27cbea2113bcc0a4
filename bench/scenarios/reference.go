package scenarios

import "pollux/configs"

// Reference describes the keys of a scenario, in Markdown.
func Reference() string {
	s := &Scenario{}
	s.defaults()
	return configs.KeyTables("The file", s)
}
