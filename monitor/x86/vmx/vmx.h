/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the VT-x back end share. Each core has one VMCS, current for ever. */
#pragma once

#include "x86/vm.h"
#include "x86/vmx/capability.h"
#include "x86/vmx/reasons.h"
#include "x86/vmx/vmcs.h"

extern struct vmx_capability vmx_capability; /* read once (vmx.c) */
extern struct vmx_controls vmx_controls;     /* what the control fields are at least */

/* A field of this core's VMCS, by its encoding. */
static inline uint64_t vmread(uint32_t field)
{
    uint64_t value;
    __asm__ volatile("vmread %1, %0" : "=rm"(value) : "r"((uint64_t)field) : "cc");
    return value;
}

static inline void vmwrite(uint32_t field, uint64_t value)
{
    __asm__ volatile("vmwrite %1, %0" : : "r"((uint64_t)field), "rm"(value) : "cc");
}

static inline void vmx_set_bits(uint32_t field, uint64_t bits)
{
    vmwrite(field, vmread(field) | bits);
}

static inline void vmx_clear_bits(uint32_t field, uint64_t bits)
{
    vmwrite(field, vmread(field) & ~bits);
}

/* Bits that are the monitor's: what the guest reads and may write of them is in the shadows. */
#define CR0_FLOOR CR0_NE
#define CR4_FLOOR (CR4_VMXE | CR4_SMXE | CR4_UNKNOWN)
#define CR4_UNKNOWN                                                                                \
    ((~0x1fffffull & ~(CR4_PKE | 1ull << 21)) | 1ull << 19) /* CET on, but PKE; KL */
#define DEBUG_STEP (1ull << 14)                             /* BS in DR6 and pending exceptions */
#define SHADOW     (BLOCKING_STI | BLOCKING_MOV_SS)

/* The guest's control registers as it sees them. */
uint64_t vmx_read_cr0(struct vcpu *vcpu);
uint64_t vmx_read_cr4(struct vcpu *vcpu);
/* EPT as the guest's from now on; what is cached of it is dropped. */
void vmx_set_ept(const uint64_t *root);

void vmx_run(struct vcpu *vcpu); /* exits.c */
/* An entry that leaves again before the guest's next instruction: NULL, or why it failed. */
const char *vmx_refuses(struct vcpu *vcpu);
/* Behind the instruction that has left the guest. */
void vmx_advance(struct vcpu *vcpu);
void vmx_end_shadow(void);
/* The event at whose delivery the guest was left, or 0. */
uint64_t vmx_event_in_delivery(void); /* events.c */
/* The guest gets the exception that has left it: the reason to count. */
enum exit_reason vmx_handle_exception(struct vcpu *vcpu);
/* What goes in with the next entry; 0: nothing. */
uint64_t vmx_prepare_event(struct vcpu *vcpu);
/* It has gone in. */
void vmx_event_done(struct vcpu *vcpu);

void vmx_set_controls(struct vcpu *vcpu); /* controls.c */
const char *vmx_lacks(const struct controls *controls);
/* The exit of an instruction that the controls watch; EXIT_OTHER: REASON is none. */
enum exit_reason vmx_handle_control(struct vcpu *vcpu, uint32_t reason);

/* The guest executes the next instruction itself, which EVENT would report. */
void vmx_step_over(struct vcpu *vcpu, enum control_event event); /* step.c */
bool vmx_step_begin(struct vcpu *vcpu, gpa_t gpa, void *page);
enum exit_reason vmx_step_end(struct vcpu *vcpu);
void vmx_step_cancel(struct vcpu *vcpu);

bool vmx_vcpu_init(struct vcpu *vcpu); /* vcpu.c */
void vmx_vcpu_reset(struct vcpu *vcpu, const struct vcpu_start *start);
/* What an exit restores, of this core. Once. */
void vmx_set_host(struct pcpu *cpu);

/* The entry has failed, for words: which check of the guest's state, or which VM instruction. */
const char *vmx_why_state(void); /* failure.c */
const char *vmx_why_instruction(void);
