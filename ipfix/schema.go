package ipfix

// schema is what an exporter's records say: the templates made of its
// configuration. It belongs to the exporter's goroutine.
type schema struct {
	families [numFamilies]*Template
	made     []*Template // of data, in the order they were made
	opts     []*Template
}

// newSchema returns the schema of a configuration, whose names of elements are known.
func newSchema(c *ExporterConfig) (*schema, error) {
	s := &schema{families: makeFamilies(), opts: optionTemplates}
	for _, t := range s.families {
		if t != nil {
			s.made = append(s.made, t)
		}
	}
	return s, nil
}

// data returns the templates of flow records in use, in the order they were made:
// a longer list begins with what a shorter one was.
func (s *schema) data() []*Template { return s.made }

// options returns the templates of option records.
func (s *schema) options() []*Template { return s.opts }

// of returns the template of a record. It may make it, at the end of data.
func (s *schema) of(r *record) *Template {
	return s.families[family(r.Class, layer4Of(r), tagged(r), outward(r))]
}
