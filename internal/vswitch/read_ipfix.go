package vswitch

import (
	"strings"

	"pollux/configs"
)

// IPFIX describes the exporters.
func (s *Switch) IPFIX() []IPFIXShow {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []IPFIXShow{}
	for _, e := range s.exporters {
		v := IPFIXShow{
			Name: e.name, Sampling: uint32(e.cfg.Sampling),
			FlowKey: flowKeyText(e.cfg.FlowKey), Biflow: string(e.cfg.Biflow), Renewed: e.renewed,
		}
		if e.set == 0 {
			v.Domain = &e.cfg.ObsDomainID
		}
		for _, c := range s.dp.Caches(e.index) {
			v.Caches = append(v.Caches, c.Stats())
		}
		if e.x != nil {
			v.Exporter = e.x.Stats()
		}
		out = append(out, v)
	}
	return out
}

// flowKeyText writes a flow key as the file has it.
func flowKeyText(k configs.FlowKey) string { return strings.Join(k, ", ") }
