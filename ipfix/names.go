package ipfix

// ElementNames returns the names of the information elements that there are, in the
// order of Elements.
func ElementNames() []string {
	names := make([]string, 0, len(Elements))
	for i := range Elements {
		names = append(names, Elements[i].Name)
	}
	return names
}
