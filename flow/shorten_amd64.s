//go:build !purego

#include "textflag.h"
#include "go_asm.h"

// What shortenPlain and hashPlain do, in one pass: the compiler has too few registers for
// either, and moves half of a packet's words to the stack and back. Here they stay where they
// are until they are hashed, and the way of a packet that has a Short has no taken jump but
// the last.
//
//	CX number of the packet   SI memory          DI its descriptor   R8 its Short
//	R9 the batch's offsets    R10 words 0, 2     R11 words 1, 3      R12 word 4, and what else
//	BX its IP header          R13 header's start R15 half a hash     AX, DX anything

// func shorten(a *shortening, n int)
TEXT ·shorten(SB), NOSPLIT, $0-16
	MOVQ a+0(FP), AX
	MOVQ shortening_buf(AX), SI
	MOVQ shortening_desc(AX), DI
	MOVQ shortening_of(AX), R8
	MOVQ shortening_offsets(AX), R9
	XORL CX, CX
	JMP  more

loop:
	MOVQ a+0(FP), R14
	MOVQ (DI), BX                    // address
	MOVL const_descLen(DI), DX       // length
	CMPL DX, $const_leastShort
	JB   odd
	CMPQ BX, shortening_limit(R14)
	JHI  odd                         // it is not in memory: who takes it apart in full will see
	ADDQ SI, BX
	MOVQ (BX), R10
	MOVQ 8(BX), R11
	MOVQ R11, AX
	SHRQ $32, AX
	MOVL $14, R13
	CMPW AX, $0x0081                 // 802.1Q, as a little-endian load gives it
	JEQ  tagged

typed:
	CMPW AX, $0x0008                 // IPv4
	JNE  odd
	ADDQ R13, BX

	MOVQ R10, (R8)
	MOVQ R11, 8(R8)
	MOVQ R10, AX
	MOVQ DX, R12                     // length
	XORQ shortening_secrets+0(R14), AX
	XORQ shortening_secrets+8(R14), R11
	MULQ R11
	XORQ DX, AX
	MOVQ AX, R15

	MOVQ (BX), R11                   // version:8 TOS:8 length:16 id:16 flags and offset:16
	SUBQ R13, R12                    // what the frame has from the IP header on
	MOVQ $const_oddHead, AX
	ANDQ R11, AX
	CMPQ AX, $0x45
	JNE  odd
	MOVQ R11, DX
	SHRQ $16, DX
	ROLW $8, DX
	MOVWLZX DX, DX                   // the packet's length
	SUBQ DX, R12
	CMPQ R12, $255
	JHI  odd                         // too much padding, or cut

	MOVWLZX 8(BX), R10               // TTL:8 protocol:8
	MOVL R10, AX
	SHRL $8, AX
	LEAQ ·l4Kinds(SB), R12
	MOVL (R12)(AX*4), AX             // least:16 flags:16
	CMPW DX, AX
	JB   odd
	SHRL $16, AX
	MOVWLZX 32(BX), R12
	ROLW $8, R12
	ANDL R12, AX
	SHLQ $32, AX                     // TCP flags
	MOVL 20(BX), R12                 // ports
	SHLQ $48, R11
	ORQ  AX, R12
	ORQ  R11, R12

	MOVW $-1, (R9)(CX*2)             // no MPLS
	MOVW R13, const_toL3(R9)(CX*2)
	ADDL $20, R13
	MOVW R13, const_toL4(R9)(CX*2)
	MOVW DX, const_toIPLen(R9)(CX*2)

	ORQ  shortening_port(R14), R10
	MOVQ 12(BX), R11                 // addresses
	MOVQ R10, 16(R8)
	MOVQ R11, 24(R8)
	MOVQ R12, 32(R8)
	MOVQ R10, AX
	XORQ shortening_secrets+16(R14), AX
	XORQ shortening_secrets+24(R14), R11
	MULQ R11
	XORQ DX, AX
	XORQ shortening_secrets+40(R14), AX
	XORQ R15, R12
	XORQ shortening_secrets+32(R14), R12
	MULQ R12
	XORQ DX, AX
	MOVQ shortening_hashes(R14), DX
	MOVQ AX, (DX)(CX*8)

next:
	INCQ CX
	ADDQ $const_descSize, DI
	ADDQ $const_shortSize, R8

more:
	CMPQ CX, n+8(FP)
	JLT  loop
	RET

tagged:
	MOVL $18, R13
	MOVWLZX 16(BX), AX
	BTSQ $const_cfiBit, R11
	JMP  typed

odd:
	MOVQ CX, AX
	SHRQ $6, AX
	MOVQ shortening_odd(R14)(AX*8), DX
	BTSQ CX, DX
	MOVQ DX, shortening_odd(R14)(AX*8)
	JMP  next
