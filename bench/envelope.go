package bench

// Kinds of results that are written to files, beside KindRun and KindStalls.
const (
	KindMemory = "memory"
	KindVeth   = "veth"
)

// MemoryReport is the results of RunMemory, as files have them.
type MemoryReport struct {
	Kind    string         `json:"kind"` // KindMemory
	Machine Machine        `json:"machine"`
	Results []MemoryResult `json:"results"`
}

// NewMemoryReport says where the results are from: here.
func NewMemoryReport(res []MemoryResult) *MemoryReport {
	return &MemoryReport{KindMemory, ThisMachine(), res}
}

// VethReport is the result of RunVeth, as files have it.
type VethReport struct {
	Kind    string      `json:"kind"` // KindVeth
	Machine Machine     `json:"machine"`
	Result  *VethResult `json:"result"`
}

// NewVethReport says where the result is from: here.
func NewVethReport(res *VethResult) *VethReport { return &VethReport{KindVeth, ThisMachine(), res} }
