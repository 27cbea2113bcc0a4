package ipfix

// eachOption gives every option record that is due to a target in a domain, with its
// template. The source is valid until emit returns.
func (x *Exporter) eachOption(t *target, domain uint32, emit func(*Template, *source)) {
	o := x.options(t)
	src := source{opt: &o, epoch: x.epoch}
	for _, tpl := range x.schema.options() {
		emit(tpl, &src)
	}
}
