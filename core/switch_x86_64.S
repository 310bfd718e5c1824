/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core/switch_x86_64.S  The switch for the System V ABI on x86-64.
 *
 * Frame of a suspended context, from the saved stack pointer upwards:
 *     0  MXCSR (4 bytes), x87 control word (2), padding (2)
 *     8  r15   16 r14   24 r13   32 r12   40 rbx   48 rbp   56 return address
 */
    .text

/* void weir__switch(struct context *from [rdi], const struct context *to [rsi]) */
    .globl  weir__switch
    .hidden weir__switch
    .type   weir__switch, @function
    .p2align 4
weir__switch:
    .cfi_startproc
    pushq   %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    pushq   %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq   %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq   %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq   %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq   %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0
    subq    $8, %rsp
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw  4(%rsp)

    movq    %rsp, (%rdi)
    movq    (%rsi), %rsp        /* same frame layout on the other stack: the CFI above holds for it too */

    ldmxcsr (%rsp)
    fldcw   4(%rsp)
    addq    $8, %rsp
    .cfi_adjust_cfa_offset -8
    popq    %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r15
    popq    %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r14
    popq    %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    popq    %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    popq    %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    popq    %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbp
    popq    %rcx                /* not ret: the CPU would foresee a return to the other side, and be wrong each time */
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    jmp     *%rcx
    .cfi_endproc
    .size   weir__switch, . - weir__switch

/* What a new context "returns" to: r12 holds the argument, r13 the function. Nothing is above it, and the undefined
 * return address tells unwinders so. */
    .globl  weir__switch_entry
    .hidden weir__switch_entry
    .type   weir__switch_entry, @function
    .p2align 4
weir__switch_entry:
    .cfi_startproc
    .cfi_undefined rip
    xorl    %ebp, %ebp
    movq    %r12, %rdi
    call    *%r13
    ud2
    .cfi_endproc
    .size   weir__switch_entry, . - weir__switch_entry

/* void weir__switch_prepare(struct context *, void *low, void *top, void (*entry)(void *), void *arg)
 *                            rdi               rsi        rdx        rcx                    r8 */
    .globl  weir__switch_prepare
    .hidden weir__switch_prepare
    .type   weir__switch_prepare, @function
    .p2align 4
weir__switch_prepare:
    .cfi_startproc
    leaq    -80(%rdx), %rax     /* a frame of 64 bytes and 16 that keep the alignment a call expects */
    movq    $0, (%rax)
    stmxcsr (%rax)              /* a task begins with the float environment of its creator */
    fnstcw  4(%rax)
    movq    $0, 8(%rax)
    movq    $0, 16(%rax)
    movq    %rcx, 24(%rax)
    movq    %r8, 32(%rax)
    movq    $0, 40(%rax)
    movq    $0, 48(%rax)
    leaq    weir__switch_entry(%rip), %rcx
    movq    %rcx, 56(%rax)
    movq    $0, 64(%rax)
    movq    %rax, (%rdi)
    ret
    .cfi_endproc
    .size   weir__switch_prepare, . - weir__switch_prepare

    .section .note.GNU-stack, "", @progbits
