/* SPDX-License-Identifier: Apache-2.0 */
/* Why the guest was left, as VT-x says it (Intel SDM 3, 25.9.1 and appendix C). */
#pragma once

/* Basic exit reasons: bits 0 to 15 of the exit reason; bit 31 says that the entry failed */
#define REASON_ENTRY_FAILED     (1u << 31)
#define REASON_BASIC            0xffffu
#define REASON_EXCEPTION_OR_NMI 0u
#define REASON_INTERRUPT        1u
#define REASON_TRIPLE_FAULT     2u
#define REASON_INIT             3u
#define REASON_SIPI             4u
#define REASON_IO_SMI           5u
#define REASON_OTHER_SMI        6u
#define REASON_INTERRUPT_WINDOW 7u
#define REASON_NMI_WINDOW       8u
#define REASON_TASK_SWITCH      9u
#define REASON_CPUID            10u
#define REASON_GETSEC           11u
#define REASON_HLT              12u
#define REASON_INVD             13u
#define REASON_INVLPG           14u
#define REASON_RDPMC            15u
#define REASON_RDTSC            16u
#define REASON_RSM              17u
#define REASON_VMCALL           18u
#define REASON_VMCLEAR          19u
#define REASON_VMLAUNCH         20u
#define REASON_VMPTRLD          21u
#define REASON_VMPTRST          22u
#define REASON_VMREAD           23u
#define REASON_VMRESUME         24u
#define REASON_VMWRITE          25u
#define REASON_VMXOFF           26u
#define REASON_VMXON            27u
#define REASON_CR               28u
#define REASON_DR               29u
#define REASON_IO               30u
#define REASON_RDMSR            31u
#define REASON_WRMSR            32u
#define REASON_GUEST_STATE      33u /* entry failed */
#define REASON_MSR_LOADING      34u /* entry failed */
#define REASON_MWAIT            36u
#define REASON_MTF              37u
#define REASON_MONITOR          39u
#define REASON_PAUSE            40u
#define REASON_MACHINE_CHECK    41u /* entry failed */
#define REASON_TPR              43u
#define REASON_APIC_ACCESS      44u
#define REASON_EOI              45u
#define REASON_GDTR_IDTR        46u
#define REASON_LDTR_TR          47u
#define REASON_EPT_VIOLATION    48u
#define REASON_EPT_MISCONFIG    49u
#define REASON_INVEPT           50u
#define REASON_RDTSCP           51u
#define REASON_TIMER            52u
#define REASON_INVVPID          53u
#define REASON_WBINVD           54u
#define REASON_XSETBV           55u
#define REASON_APIC_WRITE       56u
#define REASON_RDRAND           57u
#define REASON_INVPCID          58u
#define REASON_VMFUNC           59u
#define REASON_ENCLS            60u
#define REASON_RDSEED           61u
#define REASON_PML_FULL         62u
#define REASON_XSAVES           63u
#define REASON_XRSTORS          64u
#define REASON_PCONFIG          65u
#define REASON_SPP              66u
#define REASON_UMWAIT           67u
#define REASON_TPAUSE           68u
#define REASON_LOADIWKEY        69u
#define REASON_ENCLV            70u
#define REASON_BUS_LOCK         74u
#define REASON_TIMEOUT          75u
