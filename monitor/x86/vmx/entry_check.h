/* SPDX-License-Identifier: Apache-2.0 */
/* Why a VM entry has failed, in words: the processor itself names no field. */
#pragma once

#include "x86/vmx/capability.h"

/* In the order of the VMCS's fields: the selector of I is VMCS_GUEST_ES + 2 * I, and so on. */
enum vmx_segment { VMX_ES, VMX_CS, VMX_SS, VMX_DS, VMX_FS, VMX_GS, VMX_LDTR, VMX_TR, VMX_SEGMENTS };

struct vmx_segment_state {
    uint16_t selector;
    uint64_t base;
    uint32_t limit; /* in bytes */
    uint32_t rights;
};

struct vmx_table_state {
    uint64_t base;
    uint32_t limit;
};

/* The guest-state fields of a VMCS, and what of its controls their checks depend on. */
struct vmx_guest_state {
    uint64_t cr0, cr3, cr4, efer, rflags, rip, dr7, debugctl, pat;
    uint64_t sysenter_esp, sysenter_eip;
    struct vmx_segment_state segments[VMX_SEGMENTS];
    struct vmx_table_state gdtr, idtr;
    uint64_t pdpte[4]; /* looked at if the guest uses PAE paging */
    uint64_t pending_debug, link_pointer;
    uint32_t activity, interruptibility;
    uint32_t entry_controls, entry_event; /* VM-entry controls and interruption information */
    unsigned physical_bits, linear_bits;  /* widths of addresses, of CPUID 8000_0008h */
};

/*
 * The first check of the guest's state that STATE fails (Intel SDM 3, 27.3.1), in words; NULL if it
 * fails none that is known here. UNRESTRICTED: the control of that name is on; virtual NMIs and EPT
 * are. Not looked at: PERF_GLOBAL_CTRL, BNDCFGS, CET, PKRS, UINV and RTIT, which no entry control
 * of Mullion's loads; SMM, enclaves, and a link pointer other than none. Any core, for debugging.
 */
const char *vmx_entry_check(const struct vmx_guest_state *state,
                            const struct vmx_capability *capability, bool unrestricted);
/* Its part for segment registers and descriptor tables (27.3.1.2 and 27.3.1.3). */
const char *vmx_segment_check(const struct vmx_guest_state *state, bool unrestricted);
/* Is ADDRESS canonical with addresses of BITS? */
bool vmx_canonical(uint64_t address, unsigned bits);

/* The VM-instruction error field in words (31.4); a sentence that says so for a number unknown. */
const char *vmx_instruction_error(uint32_t number);
