/* SPDX-License-Identifier: Apache-2.0 */
/* The VMCS: encodings of its fields (Intel SDM 3, appendix B), bits of its controls (25.6 to 25.8).
 * The numbers of sections are those of the SDM since 2022. */
#pragma once

#include "x86/vmx/reasons.h"

/* clang-format off: columns by kind of field */

/* Pin-based controls */
#define VMX_PIN_INTERRUPT   (1u << 0)
#define VMX_PIN_NMI         (1u << 3)
#define VMX_PIN_VIRTUAL_NMI (1u << 5)
#define VMX_PIN_TIMER       (1u << 6)
#define VMX_PIN_POSTED      (1u << 7)

/* Primary processor-based controls */
#define VMX_CPU_INTERRUPT_WINDOW (1u << 2)
#define VMX_CPU_TSC_OFFSET       (1u << 3)
#define VMX_CPU_HLT              (1u << 7)
#define VMX_CPU_INVLPG           (1u << 9)
#define VMX_CPU_MWAIT            (1u << 10)
#define VMX_CPU_RDPMC            (1u << 11)
#define VMX_CPU_RDTSC            (1u << 12)
#define VMX_CPU_CR3_LOAD         (1u << 15)
#define VMX_CPU_CR3_STORE        (1u << 16)
#define VMX_CPU_TERTIARY         (1u << 17)
#define VMX_CPU_CR8_LOAD         (1u << 19)
#define VMX_CPU_CR8_STORE        (1u << 20)
#define VMX_CPU_TPR_SHADOW       (1u << 21)
#define VMX_CPU_NMI_WINDOW       (1u << 22)
#define VMX_CPU_MOV_DR           (1u << 23)
#define VMX_CPU_ALL_IO           (1u << 24)
#define VMX_CPU_IO_BITMAPS       (1u << 25)
#define VMX_CPU_MTF              (1u << 27)
#define VMX_CPU_MSR_BITMAPS      (1u << 28)
#define VMX_CPU_MONITOR          (1u << 29)
#define VMX_CPU_PAUSE            (1u << 30)
#define VMX_CPU_SECONDARY        (1u << 31)

/* Secondary processor-based controls */
#define VMX_CPU2_APIC_ACCESS  (1u << 0)
#define VMX_CPU2_EPT          (1u << 1)
#define VMX_CPU2_DESCRIPTOR   (1u << 2) /* LGDT, SIDT, LTR and the like */
#define VMX_CPU2_RDTSCP       (1u << 3)
#define VMX_CPU2_X2APIC       (1u << 4)
#define VMX_CPU2_VPID         (1u << 5)
#define VMX_CPU2_WBINVD       (1u << 6)
#define VMX_CPU2_UNRESTRICTED (1u << 7)
#define VMX_CPU2_PAUSE_LOOP   (1u << 10)
#define VMX_CPU2_RDRAND       (1u << 11)
#define VMX_CPU2_INVPCID      (1u << 12)
#define VMX_CPU2_VMFUNC       (1u << 13)
#define VMX_CPU2_SHADOW       (1u << 14)
#define VMX_CPU2_ENCLS        (1u << 15)
#define VMX_CPU2_RDSEED       (1u << 16)
#define VMX_CPU2_XSAVES       (1u << 20)
#define VMX_CPU2_TSC_SCALING  (1u << 25)
#define VMX_CPU2_USER_WAIT    (1u << 26) /* UMONITOR, UMWAIT, TPAUSE */
#define VMX_CPU2_PCONFIG      (1u << 27)
#define VMX_CPU2_ENCLV        (1u << 28)

/* VM-exit controls */
#define VMX_EXIT_SAVE_DEBUG  (1u << 2)
#define VMX_EXIT_HOST64      (1u << 9)
#define VMX_EXIT_ACKNOWLEDGE (1u << 15)
#define VMX_EXIT_SAVE_PAT    (1u << 18)
#define VMX_EXIT_LOAD_PAT    (1u << 19)
#define VMX_EXIT_SAVE_EFER   (1u << 20)
#define VMX_EXIT_LOAD_EFER   (1u << 21)
#define VMX_EXIT_SAVE_TIMER  (1u << 22)

/* VM-entry controls */
#define VMX_ENTRY_LOAD_DEBUG (1u << 2)
#define VMX_ENTRY_IA32E      (1u << 9)
#define VMX_ENTRY_SMM        (1u << 10)
#define VMX_ENTRY_LOAD_PAT   (1u << 14)
#define VMX_ENTRY_LOAD_EFER  (1u << 15)

/* 16-bit fields */
#define VMCS_VPID       0x0000u
#define VMCS_GUEST_ES   0x0800u /* the selectors stand 2 apart: ES, CS, SS, DS, FS, GS, */
#define VMCS_GUEST_CS   0x0802u /* LDTR, TR; so do limits, rights and bases */
#define VMCS_GUEST_SS   0x0804u
#define VMCS_GUEST_DS   0x0806u
#define VMCS_GUEST_FS   0x0808u
#define VMCS_GUEST_GS   0x080au
#define VMCS_GUEST_LDTR 0x080cu
#define VMCS_GUEST_TR   0x080eu
#define VMCS_HOST_ES    0x0c00u
#define VMCS_HOST_CS    0x0c02u
#define VMCS_HOST_SS    0x0c04u
#define VMCS_HOST_DS    0x0c06u
#define VMCS_HOST_FS    0x0c08u
#define VMCS_HOST_GS    0x0c0au
#define VMCS_HOST_TR    0x0c0cu

/* 64-bit fields */
#define VMCS_IO_BITMAP_A       0x2000u
#define VMCS_IO_BITMAP_B       0x2002u
#define VMCS_MSR_BITMAPS       0x2004u
#define VMCS_EXIT_MSR_STORE    0x2006u
#define VMCS_EXIT_MSR_LOAD     0x2008u
#define VMCS_ENTRY_MSR_LOAD    0x200au
#define VMCS_TSC_OFFSET        0x2010u
#define VMCS_APIC_ACCESS       0x2014u
#define VMCS_EPT_POINTER       0x201au
#define VMCS_XSS_BITMAP        0x202cu /* XSAVES and XRSTORS of these components exit */
#define VMCS_ENCLS_BITMAP      0x202eu
#define VMCS_TSC_MULTIPLIER    0x2032u
#define VMCS_ENCLV_BITMAP      0x2036u
#define VMCS_GUEST_PHYSICAL    0x2400u /* read-only: the address of an EPT exit */
#define VMCS_LINK_POINTER      0x2800u
#define VMCS_GUEST_DEBUGCTL    0x2802u
#define VMCS_GUEST_PAT         0x2804u
#define VMCS_GUEST_EFER        0x2806u
#define VMCS_GUEST_PERF_GLOBAL 0x2808u
#define VMCS_GUEST_PDPTE0      0x280au
#define VMCS_GUEST_PDPTE1      0x280cu
#define VMCS_GUEST_PDPTE2      0x280eu
#define VMCS_GUEST_PDPTE3      0x2810u
#define VMCS_HOST_PAT          0x2c00u
#define VMCS_HOST_EFER         0x2c02u
#define VMCS_HOST_PERF_GLOBAL  0x2c04u

/* 32-bit fields */
#define VMCS_PIN                    0x4000u
#define VMCS_CPU                    0x4002u
#define VMCS_EXCEPTIONS             0x4004u
#define VMCS_PAGE_FAULT_MASK        0x4006u
#define VMCS_PAGE_FAULT_MATCH       0x4008u
#define VMCS_CR3_TARGETS            0x400au
#define VMCS_EXIT                   0x400cu
#define VMCS_EXIT_MSR_STORE_COUNT   0x400eu
#define VMCS_EXIT_MSR_LOAD_COUNT    0x4010u
#define VMCS_ENTRY                  0x4012u
#define VMCS_ENTRY_MSR_LOAD_COUNT   0x4014u
#define VMCS_ENTRY_EVENT            0x4016u /* what is injected */
#define VMCS_ENTRY_ERROR_CODE       0x4018u
#define VMCS_ENTRY_LENGTH           0x401au
#define VMCS_TPR_THRESHOLD          0x401cu
#define VMCS_CPU2                   0x401eu
#define VMCS_PLE_GAP                0x4020u
#define VMCS_PLE_WINDOW             0x4022u
#define VMCS_INSTRUCTION_ERROR      0x4400u /* read-only from here */
#define VMCS_EXIT_REASON            0x4402u
#define VMCS_EXIT_EVENT             0x4404u
#define VMCS_EXIT_ERROR_CODE        0x4406u
#define VMCS_IDT_EVENT              0x4408u /* what was being delivered */
#define VMCS_IDT_ERROR_CODE         0x440au
#define VMCS_EXIT_LENGTH            0x440cu
#define VMCS_EXIT_INSTRUCTION       0x440eu
#define VMCS_GUEST_ES_LIMIT         0x4800u
#define VMCS_GUEST_CS_LIMIT         0x4802u
#define VMCS_GUEST_SS_LIMIT         0x4804u
#define VMCS_GUEST_DS_LIMIT         0x4806u
#define VMCS_GUEST_FS_LIMIT         0x4808u
#define VMCS_GUEST_GS_LIMIT         0x480au
#define VMCS_GUEST_LDTR_LIMIT       0x480cu
#define VMCS_GUEST_TR_LIMIT         0x480eu
#define VMCS_GUEST_GDTR_LIMIT       0x4810u
#define VMCS_GUEST_IDTR_LIMIT       0x4812u
#define VMCS_GUEST_ES_RIGHTS        0x4814u
#define VMCS_GUEST_CS_RIGHTS        0x4816u
#define VMCS_GUEST_SS_RIGHTS        0x4818u
#define VMCS_GUEST_DS_RIGHTS        0x481au
#define VMCS_GUEST_FS_RIGHTS        0x481cu
#define VMCS_GUEST_GS_RIGHTS        0x481eu
#define VMCS_GUEST_LDTR_RIGHTS      0x4820u
#define VMCS_GUEST_TR_RIGHTS        0x4822u
#define VMCS_GUEST_INTERRUPTIBILITY 0x4824u
#define VMCS_GUEST_ACTIVITY         0x4826u
#define VMCS_GUEST_SMBASE           0x4828u
#define VMCS_GUEST_SYSENTER_CS      0x482au
#define VMCS_GUEST_TIMER            0x482eu /* the VMX-preemption timer */
#define VMCS_HOST_SYSENTER_CS       0x4c00u

/* Fields as wide as a register */
#define VMCS_CR0_MASK            0x6000u
#define VMCS_CR4_MASK            0x6002u
#define VMCS_CR0_SHADOW          0x6004u
#define VMCS_CR4_SHADOW          0x6006u
#define VMCS_CR3_TARGET0         0x6008u
#define VMCS_CR3_TARGET1         0x600au
#define VMCS_CR3_TARGET2         0x600cu
#define VMCS_CR3_TARGET3         0x600eu
#define VMCS_QUALIFICATION       0x6400u /* read-only from here */
#define VMCS_IO_RCX              0x6402u
#define VMCS_IO_RSI              0x6404u
#define VMCS_IO_RDI              0x6406u
#define VMCS_IO_RIP              0x6408u
#define VMCS_GUEST_LINEAR        0x640au
#define VMCS_GUEST_CR0           0x6800u
#define VMCS_GUEST_CR3           0x6802u
#define VMCS_GUEST_CR4           0x6804u
#define VMCS_GUEST_ES_BASE       0x6806u
#define VMCS_GUEST_CS_BASE       0x6808u
#define VMCS_GUEST_SS_BASE       0x680au
#define VMCS_GUEST_DS_BASE       0x680cu
#define VMCS_GUEST_FS_BASE       0x680eu
#define VMCS_GUEST_GS_BASE       0x6810u
#define VMCS_GUEST_LDTR_BASE     0x6812u
#define VMCS_GUEST_TR_BASE       0x6814u
#define VMCS_GUEST_GDTR_BASE     0x6816u
#define VMCS_GUEST_IDTR_BASE     0x6818u
#define VMCS_GUEST_DR7           0x681au
#define VMCS_GUEST_RSP           0x681cu
#define VMCS_GUEST_RIP           0x681eu
#define VMCS_GUEST_RFLAGS        0x6820u
#define VMCS_GUEST_PENDING_DEBUG 0x6822u
#define VMCS_GUEST_SYSENTER_ESP  0x6824u
#define VMCS_GUEST_SYSENTER_EIP  0x6826u
#define VMCS_HOST_CR0            0x6c00u
#define VMCS_HOST_CR3            0x6c02u
#define VMCS_HOST_CR4            0x6c04u
#define VMCS_HOST_FS_BASE        0x6c06u
#define VMCS_HOST_GS_BASE        0x6c08u
#define VMCS_HOST_TR_BASE        0x6c0au
#define VMCS_HOST_GDTR_BASE      0x6c0cu
#define VMCS_HOST_IDTR_BASE      0x6c0eu
#define VMCS_HOST_SYSENTER_ESP   0x6c10u
#define VMCS_HOST_SYSENTER_EIP   0x6c12u
#define VMCS_HOST_RSP            0x6c14u
#define VMCS_HOST_RIP            0x6c16u

/* Rights of a segment (25.4.1): the descriptor's bits, and "unusable" */
#define RIGHTS_TYPE      0xfu
#define RIGHTS_S         (1u << 4) /* code or data */
#define RIGHTS_DPL_SHIFT 5
#define RIGHTS_P         (1u << 7)
#define RIGHTS_L         (1u << 13)
#define RIGHTS_DB        (1u << 14)
#define RIGHTS_G         (1u << 15)
#define RIGHTS_UNUSABLE  (1u << 16)

/* Activity (25.4.2) */
#define ACTIVITY_ACTIVE   0u
#define ACTIVITY_HLT      1u
#define ACTIVITY_SHUTDOWN 2u
#define ACTIVITY_SIPI     3u

/* Interruptibility */
#define BLOCKING_STI    (1u << 0)
#define BLOCKING_MOV_SS (1u << 1)
#define BLOCKING_SMI    (1u << 2)
#define BLOCKING_NMI    (1u << 3)

/* Pending debug exceptions */
#define PENDING_DEBUG_ENABLED (1u << 12)
#define PENDING_DEBUG_BS      (1u << 14)

/* Events, injected (25.8.3) and seen (25.9.2, 25.9.3) */
#define VMX_EVENT_VECTOR      0xffu
#define VMX_EVENT_TYPE_SHIFT  8
#define VMX_EVENT_TYPE        (7u << 8)
#define VMX_EVENT_INTERRUPT   (0u << 8)
#define VMX_EVENT_NMI         (2u << 8)
#define VMX_EVENT_EXCEPTION   (3u << 8)
#define VMX_EVENT_SOFT_INT    (4u << 8)
#define VMX_EVENT_PRIVILEGED  (5u << 8) /* INT1 */
#define VMX_EVENT_SOFT_EXC    (6u << 8) /* INT3, INTO */
#define VMX_EVENT_OTHER       (7u << 8) /* injected: a pending MTF exit */
#define VMX_EVENT_ERROR_CODE  (1u << 11)
#define VMX_EVENT_NMI_UNBLOCK (1u << 12) /* seen: the IRET that unblocked NMIs faulted */
#define VMX_EVENT_VALID       (1u << 31)

/* The EPT pointer (25.6.11) and the memory types of EPT entries (bits 3 to 5) */
#define EPTP_WB         6u
#define EPTP_WALK_4     (3u << 3)
#define EPTE_TYPE_SHIFT 3
#define EPTE_IGNORE_PAT (1u << 6)
