/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's own exceptions. None is expected but those of the fix-up table, and NMIs. */
#pragma once

#include <stdint.h>

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

void trap_init(void);     /* fill the IDT; once */
void trap_load_idt(void); /* each core */
/* Until the next trap_load_idt: vectors from 16 on are the APIC's and are only ended. */
void trap_load_idt_drain(void);
/* HLT until *FLAG is set by the NMI handler; the caller has let NMIs in. */
void trap_sleep(const uint32_t *flag);

/* A broken invariant of the monitor: says so and stops this core. No guest can cause it. */
_Noreturn __attribute__((format(printf, 1, 2))) void panic(const char *format, ...);
