#include "textflag.h"

// A load whose line is far holds up all that come after it in the processor's queue once
// that is full; a prefetch does not. There is none in the language.

// func prefetchBonds(bonds []bond, slots []int32, idx []uint16)
TEXT ·prefetchBonds(SB), NOSPLIT, $0-72
	MOVQ bonds_base+0(FP), DI
	MOVQ bonds_len+8(FP), R8
	MOVQ slots_base+24(FP), SI
	MOVQ slots_len+32(FP), R9
	MOVQ idx_base+48(FP), BX
	MOVQ idx_len+56(FP), CX
	TESTQ CX, CX
	JZ   done
loop:
	MOVWLZX (BX), AX
	ADDQ $2, BX
	CMPQ AX, R9
	JAE  next
	MOVL (SI)(AX*4), DX // a slot of -1 is beyond all
	CMPQ DX, R8
	JAE  next
	PREFETCHT0 (DI)(DX*8)
next:
	DECQ CX
	JNZ  loop
done:
	RET

// func prefetchEntries(base unsafe.Pointer, bonds []bond, slots []int32, idx []uint16)
TEXT ·prefetchEntries(SB), NOSPLIT, $0-80
	MOVQ base+0(FP), R10
	MOVQ bonds_base+8(FP), DI
	MOVQ bonds_len+16(FP), R8
	MOVQ slots_base+32(FP), SI
	MOVQ slots_len+40(FP), R9
	MOVQ idx_base+56(FP), BX
	MOVQ idx_len+64(FP), CX
	TESTQ CX, CX
	JZ   done
loop:
	MOVWLZX (BX), AX
	ADDQ $2, BX
	CMPQ AX, R9
	JAE  next
	MOVL (SI)(AX*4), DX
	CMPQ DX, R8
	JAE  next
	MOVL (DI)(DX*8), DX // the offset of the entry
	PREFETCHT0 (R10)(DX*1)
next:
	DECQ CX
	JNZ  loop
done:
	RET
