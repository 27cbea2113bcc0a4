//go:build !purego

#include "textflag.h"
#include "go_asm.h"

// What findPlain does. The tags of both groups are compared at once, eight of sixteen bits;
// the choice between them has no branch, so that the look-ups of a batch overlap.
//
//	CX number of the packet   SI hashes, Shorts   DI slots    R9 groups' tags, entries
//	R10 mask of groups        R11 -1, differences R12 its Short
//	AX, BX, DX, R8, X0, X1, X2 anything

// func find(a *finding, n int)
TEXT ·find(SB), NOSPLIT, $0-16
	MOVQ a+0(FP), AX
	MOVQ finding_hashes(AX), SI
	MOVQ finding_slots(AX), DI
	MOVQ finding_tags(AX), R9
	MOVQ finding_mask(AX), R10
	MOVQ $-1, R11
	XORL CX, CX
	JMP  moreTags

tags:
	MOVQ (SI)(CX*8), AX
	MOVQ AX, DX
	MOVQ AX, BX
	SHRQ $49, DX                     // the tag
	CMPQ DX, $1
	ADCQ $0, DX                      // at least 1
	SHRQ $24, AX
	ANDQ R10, BX                     // group
	ANDQ R10, AX                     // the other
	MOVQ DX, X2
	MOVQ (R9)(BX*8), X0
	MOVQ (R9)(AX*8), X1
	PSHUFLW $0, X2, X2
	PUNPCKLQDQ X1, X0
	PUNPCKLQDQ X2, X2
	PCMPEQW X2, X0
	PMOVMSKB X0, DX                  // two bits a slot
	BSFL DX, R8
	CMPL R8, $8
	CMOVQCC AX, BX
	SHRL $1, R8
	ANDL $3, R8
	LEAQ (R8)(BX*4), BX
	TESTL DX, DX
	CMOVQEQ R11, BX                  // no tag
	MOVL BX, (DI)(CX*4)
	INCQ CX

moreTags:
	CMPQ CX, n+8(FP)
	JLT  tags

	MOVQ a+0(FP), AX
	MOVQ finding_shorts(AX), R12
	MOVQ finding_entries(AX), R9
	MOVQ finding_differ(AX), R11
	MOVQ $const_isShort, R10
	XORL CX, CX
	JMP  moreEntries

entries:
	MOVLQSX (DI)(CX*4), AX
	TESTQ AX, AX
	JLT  nextEntry
	SHLQ $const_entryShift, AX
	ADDQ R9, AX
	MOVQ exactEntry_words(AX), DX
	MOVQ exactEntry_w+0(AX), BX
	MOVQ exactEntry_w+8(AX), R8
	XORQ R10, DX
	XORQ (R12), BX
	XORQ 8(R12), R8
	SHLQ $const_serialBits, DX
	ORQ  BX, DX
	ORQ  R8, DX
	MOVQ exactEntry_w+16(AX), BX
	MOVQ exactEntry_w+24(AX), R8
	MOVQ exactEntry_w+32(AX), AX
	XORQ 16(R12), BX
	XORQ 24(R12), R8
	XORQ 32(R12), AX
	ORQ  BX, DX
	ORQ  R8, AX
	ORQ  AX, DX
	MOVQ DX, (R11)(CX*8)

nextEntry:
	INCQ CX
	ADDQ $const_shortSize, R12

moreEntries:
	CMPQ CX, n+8(FP)
	JLT  entries
	RET
