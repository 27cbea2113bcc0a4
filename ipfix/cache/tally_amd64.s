//go:build !purego

#include "textflag.h"
#include "go_asm.h"

// The compiler has too few registers for tallyPlain's loop: half of what it makes of it moves
// values to the stack and back. Here what outlives a packet stays in a register, and the way
// of a packet that changes nothing but counts has no taken jump but the last.
//
//	BX next of idx     CX its end         SI slots       DI bonds       R8 anything
//	R9 entry           R10 entry 0        R11 batch      R12 bond       R13 laneSteps
//	R14 point          R15 octets         DX IP octets   AX packet
//	X0 now             X8 lanes, ORed     X9 ones        X10 classes

// func tallyBonds(t *tallied, idx []uint16)
TEXT ·tallyBonds(SB), NOSPLIT, $8-32
	MOVQ t+0(FP), AX
	MOVQ idx_base+8(FP), BX
	MOVQ idx_len+16(FP), CX
	LEAQ (BX)(CX*2), CX
	MOVQ tallied_slots(AX), SI
	MOVQ tallied_bonds(AX), DI
	MOVQ tallied_hot(AX), R10
	MOVQ tallied_batch(AX), R11
	MOVL tallied_point(AX), R14
	MOVQ tallied_now(AX), X0
	MOVQ tallied_nBonds(AX), DX
	MOVQ DX, nBonds-8(SP)
	LEAQ ·laneSteps(SB), R13
	MOVQ $const_classOnes, DX
	MOVQ DX, X9
	PXOR X8, X8
	PXOR X10, X10
	XORL R15, R15
	JMP  more

loop:
	MOVBLZX (BX), AX                 // a batch has 256 packets at most
	ADDQ $2, BX
	MOVL (SI)(AX*4), DX
	CMPQ DX, nBonds-8(SP)
	JAE  leave                       // a slot of -1 is beyond all
	MOVQ (DI)(DX*8), R12
	MOVWLZX const_batchIPLen(R11)(AX*2), DX
	MOVL R12, R9
	ADDQ R10, R9
	MOVQ R12, X3
	SHRQ $32, R12                    // generation:16 kind:16
	MOVBLZX R12, R8                  // TCP flags and destination
	MOVW R14, R12                    // generation:16 point:16
	CMPL R12, hot_check(R9)
	JNE  leave
	TESTL DX, DX
	JZ   zero

count:
	SHLQ $const_descShift, AX
	MOVL const_batchLen(R11)(AX*1), AX
	INCQ hot_packets(R9)
	ADDQ DX, hot_octets(R9)
	ADDQ AX, hot_l2(R9)
	SHLQ $32, AX
	ADDQ DX, AX
	ADDQ AX, R15                     // frames' octets:32 IP octets:32
	MOVQ DX, AX
	IMULQ DX, AX
	ADDQ AX, hot_sumSq(R9)
	MOVQ X0, hot_last(R9)
	PAND X9, X3
	PADDQ X3, X10
	MOVQ (R13)(R8*8), X1
	MOVQ hot_lanes(R9), X2
	PADDQ X2, X1
	MOVQ X1, hot_lanes(R9)
	POR  X1, X8
	MOVWLZX hot_minLen(R9), AX
	MOVWLZX hot_maxLen(R9), R12
	MOVL DX, R8
	SUBL AX, R12
	SUBL AX, R8
	CMPL R8, R12
	JHI  stretch

more:
	CMPQ BX, CX
	JB   loop
	MOVQ t+0(FP), AX
	MOVQ R15, tallied_octets(AX)
	MOVQ X10, tallied_classes(AX)
	MOVQ X8, tallied_full(AX)
	RET

// No length is known: right for a packet that is not IP.
zero:
	MOVQ X3, R12
	SHRQ $const_bondClass, R12
	TESTB $3, R12
	JZ   count

leave:
	MOVQ t+0(FP), R12
	MOVQ tallied_left(R12), DX
	INCQ tallied_left(R12)
	MOVQ tallied_rest(R12), R12
	MOVW AX, (R12)(DX*2)
	JMP  more

stretch:
	CMPL DX, AX
	JAE  longer
	MOVW DX, hot_minLen(R9)
	JMP  more
longer:
	MOVW DX, hot_maxLen(R9)
	JMP  more
