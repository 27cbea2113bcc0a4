package bench

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// Offsets in a frame that PacedGen makes: Ethernet, IPv4 without options, UDP.
const (
	offIPLen  = 14 + 2
	offIPSum  = 14 + 10
	offSrc    = 34
	offUDPLen = 34 + 4
	offTag    = 42
	offRun    = offTag + 4
	offStamp  = offTag + 8
	offSeq    = offTag + 12
	tagEnd    = offTag + tagLen
)

// Offsets in pacedState.
const (
	stSeq = 8 * iota
	stLimit
	stNext
	stGap
	stLate
	stSlack
	stRun
	stFirst
	stLast
)

// pacedProgram drops its frame unless one is due; then it cuts it to its size, writes
// the tag and redirects it. Frames are used again, so all that differs is written every
// time. R6 context, R7 state, R8 sequence number, R9 time.
func pacedProgram(state *ebpf.Map, ifindex int, heads [][]byte, longest, flows int) asm.Instructions {
	p := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMapValue(asm.R7, state.FD(), 0),
		asm.LoadMem(asm.R8, asm.R7, stSeq, asm.DWord),
		asm.LoadMem(asm.R1, asm.R7, stLimit, asm.DWord),
		asm.JGE.Reg(asm.R8, asm.R1, "drop"),
		asm.FnKtimeGetNs.Call(),
		asm.Mov.Reg(asm.R9, asm.R0),
		asm.Mov.Reg(asm.R1, asm.R0),
		asm.LSh.Imm(asm.R1, timeShift),
		asm.LoadMem(asm.R2, asm.R7, stNext, asm.DWord),
		asm.JNE.Imm(asm.R8, 0, "due"),
		asm.Mov.Reg(asm.R2, asm.R1), // the first frame is due when the program first runs
		asm.JLT.Reg(asm.R1, asm.R2, "drop").WithSymbol("due"),
		// Too far behind to catch up: what is missed is written off and noted.
		asm.Mov.Reg(asm.R3, asm.R1),
		asm.Sub.Reg(asm.R3, asm.R2),
		asm.LoadMem(asm.R4, asm.R7, stSlack, asm.DWord),
		asm.JLE.Reg(asm.R3, asm.R4, "in_time"),
		asm.LoadMem(asm.R4, asm.R7, stLate, asm.DWord),
		asm.Add.Reg(asm.R4, asm.R3),
		asm.StoreMem(asm.R7, stLate, asm.R4, asm.DWord),
		asm.Mov.Reg(asm.R2, asm.R1),
		asm.LoadMem(asm.R4, asm.R7, stGap, asm.DWord).WithSymbol("in_time"),
		asm.Add.Reg(asm.R2, asm.R4),
		asm.StoreMem(asm.R7, stNext, asm.R2, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R8),
		asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(asm.R7, stSeq, asm.R1, asm.DWord),
		asm.StoreMem(asm.R7, stLast, asm.R9, asm.DWord),
		asm.JNE.Imm(asm.R8, 0, "size"),
		asm.StoreMem(asm.R7, stFirst, asm.R9, asm.DWord),
	}
	p = append(p, asm.Mov.Reg(asm.R1, asm.R8).WithSymbol("size"))
	if len(heads) > 1 {
		p = append(p, asm.Mod.Imm(asm.R1, int32(len(heads))))
		for i := range heads[1:] {
			p = append(p, asm.JEq.Imm(asm.R1, int32(i+1), fmt.Sprintf("size_%d", len(heads[i+1]))))
		}
		seen := map[int]bool{}
		for i, h := range heads {
			if i > 0 && seen[len(h)] {
				continue
			}
			seen[len(h)] = true
			p = append(p, cutFrame(h, longest)...)
		}
	}
	// data is loaded here whichever way it came.
	p = append(p,
		asm.LoadMem(asm.R1, asm.R6, 0, asm.Word).WithSymbol("tag"),
		asm.LoadMem(asm.R2, asm.R6, 4, asm.Word),
		asm.Mov.Reg(asm.R3, asm.R1),
		asm.Add.Imm(asm.R3, tagEnd),
		asm.JGT.Reg(asm.R3, asm.R2, "aborted"),
		asm.LoadMem(asm.R3, asm.R7, stRun, asm.Word),
		asm.StoreMem(asm.R1, offRun, asm.R3, asm.Word),
		asm.HostTo(asm.BE, asm.R9, asm.Word),
		asm.StoreMem(asm.R1, offStamp, asm.R9, asm.Word),
		asm.Mov.Reg(asm.R3, asm.R8),
		asm.HostTo(asm.BE, asm.R3, asm.Word),
		asm.StoreMem(asm.R1, offSeq, asm.R3, asm.Word),
	)
	if flows > 1 {
		p = append(p,
			asm.Mod.Imm(asm.R8, int32(flows)),
			asm.Add.Imm(asm.R8, 1024),
			asm.HostTo(asm.BE, asm.R8, asm.Half),
			asm.StoreMem(asm.R1, offSrc, asm.R8, asm.Half),
		)
	}
	p = append(p, asm.Mov.Imm(asm.R1, int32(ifindex)), asm.Mov.Imm(asm.R2, 0), asm.FnRedirect.Call(), asm.Return())
	p = append(p, asm.Mov.Imm(asm.R0, xdpDrop).WithSymbol("drop"), asm.Return())
	return append(p, aborted()...)
}

// cutFrame cuts the longest frame to the length of head, writes the lengths that are
// in head's headers, and goes on at the tag.
func cutFrame(head []byte, longest int) asm.Instructions {
	half := func(off int) int64 { return int64(uint16(head[off]) | uint16(head[off+1])<<8) }
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol(fmt.Sprintf("size_%d", len(head))),
		asm.Mov.Imm(asm.R2, int32(len(head)-longest)),
		asm.FnXdpAdjustTail.Call(),
		asm.JNE.Imm(asm.R0, 0, "aborted"),
		asm.LoadMem(asm.R1, asm.R6, 0, asm.Word),
		asm.LoadMem(asm.R2, asm.R6, 4, asm.Word),
		asm.Mov.Reg(asm.R3, asm.R1),
		asm.Add.Imm(asm.R3, tagEnd),
		asm.JGT.Reg(asm.R3, asm.R2, "aborted"),
		asm.StoreImm(asm.R1, offIPLen, half(offIPLen), asm.Half),
		asm.StoreImm(asm.R1, offIPSum, half(offIPSum), asm.Half),
		asm.StoreImm(asm.R1, offUDPLen, half(offUDPLen), asm.Half),
		asm.Ja.Label("tag"),
	}
}
