/* SPDX-License-Identifier: Apache-2.0 */
/* Model-specific registers and control-register bits (AMD APM 2, Intel SDM 4). */
#pragma once

/* clang-format off: bits stand indented below their register */

#define MSR_TSC                0x00000010u
#define MSR_APIC_BASE          0x0000001bu
#define APIC_BASE_BSP          (1ull << 8)
#define APIC_BASE_X2APIC       (1ull << 10)
#define APIC_BASE_ENABLE       (1ull << 11)
#define MSR_TSC_ADJUST         0x0000003bu
#define MSR_FEATURE_CONTROL    0x0000003au
#define FEATURE_CONTROL_LOCKED (1ull << 0)
#define FEATURE_CONTROL_VMX    (1ull << 2) /* outside SMX */
#define MSR_SPEC_CTRL          0x00000048u
#define MSR_INTEL_UCODE        0x00000079u
#define MSR_BIOS_SIGN_ID       0x0000008bu
#define MSR_UMWAIT_CONTROL     0x000000e1u
#define MSR_MTRR_CAP           0x000000feu
#define MSR_ARCH_CAPABILITIES  0x0000010au
#define MSR_SYSENTER_CS        0x00000174u
#define MSR_SYSENTER_EIP       0x00000176u
#define MSR_MTRR_PHYS_BASE0    0x00000200u
#define MSR_MTRR_PHYS_MASK9    0x00000213u
#define MSR_MTRR_FIX_64K       0x00000250u
#define MSR_MTRR_FIX_16K_80    0x00000258u
#define MSR_MTRR_FIX_16K_A0    0x00000259u
#define MSR_MTRR_FIX_4K_FIRST  0x00000268u
#define MSR_MTRR_FIX_4K_LAST   0x0000026fu
#define MSR_PAT                0x00000277u
#define PAT_RESET              0x0007040600070406ull
#define MSR_MTRR_DEF_TYPE      0x000002ffu
/* Of VT-x (Intel SDM 3, appendix A). */
#define MSR_VMX_BASIC          0x00000480u
#define MSR_VMX_PIN            0x00000481u
#define MSR_VMX_CPU            0x00000482u
#define MSR_VMX_EXIT           0x00000483u
#define MSR_VMX_ENTRY          0x00000484u
#define MSR_VMX_MISC           0x00000485u
#define MSR_VMX_CR0_FIXED0     0x00000486u
#define MSR_VMX_CR0_FIXED1     0x00000487u
#define MSR_VMX_CR4_FIXED0     0x00000488u
#define MSR_VMX_CR4_FIXED1     0x00000489u
#define MSR_VMX_CPU2           0x0000048bu
#define MSR_VMX_EPT_VPID       0x0000048cu
#define MSR_VMX_TRUE_PIN       0x0000048du
#define MSR_VMX_TRUE_CPU       0x0000048eu
#define MSR_VMX_TRUE_EXIT      0x0000048fu
#define MSR_VMX_TRUE_ENTRY     0x00000490u
#define MSR_TSC_DEADLINE       0x000006e0u
#define MSR_X2APIC_FIRST       0x00000800u
#define MSR_X2APIC_LAST        0x000008ffu
#define MSR_XSS                0x00000da0u
#define MSR_EFER               0xc0000080u
#define EFER_SCE               (1ull << 0)
#define EFER_LME               (1ull << 8)
#define EFER_LMA               (1ull << 10)
#define EFER_NXE               (1ull << 11)
#define EFER_SVME              (1ull << 12)
#define EFER_LMSLE             (1ull << 13)
#define EFER_FFXSR             (1ull << 14)
#define EFER_TCE               (1ull << 15)
#define MSR_STAR               0xc0000081u
#define MSR_SFMASK             0xc0000084u
#define MSR_FS_BASE            0xc0000100u
#define MSR_GS_BASE            0xc0000101u
#define MSR_KERNEL_GS_BASE     0xc0000102u
#define MSR_TSC_AUX            0xc0000103u
#define MSR_SYSCFG             0xc0010010u
#define MSR_HWCR               0xc0010015u
#define MSR_TOP_MEM2           0xc001001du
#define MSR_AMD_UCODE          0xc0010020u
#define MSR_SMM_BASE           0xc0010111u
#define MSR_VM_CR              0xc0010114u
#define VM_CR_SVMDIS           (1ull << 4)
#define MSR_VM_HSAVE_PA        0xc0010117u

/* The local APIC's registers in x2APIC mode (Intel SDM 3, 10.12; AMD APM 2, 16.11). */
#define X2APIC_ID           0x802u
#define X2APIC_TPR          0x808u
#define X2APIC_PPR          0x0000080au
#define X2APIC_EOI          0x80bu
#define X2APIC_LDR          0x80du
#define X2APIC_SVR          0x80fu
#define SVR_ENABLE          (1u << 8)
#define X2APIC_ISR0         0x810u
#define X2APIC_IRR0         0x820u
#define X2APIC_ESR          0x828u
#define X2APIC_ICR          0x830u
#define X2APIC_LVT_TIMER    0x832u
#define X2APIC_LVT_THERMAL  0x833u
#define X2APIC_LVT_PERF     0x834u
#define X2APIC_LVT_LINT0    0x835u
#define X2APIC_LVT_LINT1    0x836u
#define X2APIC_LVT_ERROR    0x837u
#define LVT_MASKED          (1u << 16)
#define X2APIC_TIMER_INIT   0x838u
#define X2APIC_TIMER_COUNT  0x839u
#define X2APIC_TIMER_DIVIDE 0x83eu
#define X2APIC_SELF_IPI     0x83fu

/* Delivery modes of the ICR, the LVT and the IO-APIC: bits 8 to 10. */
#define DELIVERY_FIXED  0u
#define DELIVERY_LOWEST 1u
#define DELIVERY_SMI    2u
#define DELIVERY_NMI    4u
#define DELIVERY_INIT   5u
#define DELIVERY_SIPI   6u
#define DELIVERY_EXTINT 7u

#define CR0_PE      (1ull << 0)
#define CR0_ET      (1ull << 4)
#define CR0_NE      (1ull << 5)
#define CR0_WP      (1ull << 16)
#define CR0_NW      (1ull << 29)
#define CR0_CD      (1ull << 30)
#define CR0_PG      (1ull << 31)
#define CR4_PAE     (1ull << 5)
#define CR4_OSFXSR  (1ull << 9)
#define CR4_VMXE    (1ull << 13)
#define CR4_SMXE    (1ull << 14)
#define CR4_OSXSAVE (1ull << 18)
#define CR4_PKE     (1ull << 22)

#define RFLAGS_FIXED (1ull << 1)
#define RFLAGS_TF    (1ull << 8)
#define RFLAGS_IF    (1ull << 9)

#define VECTOR_DB  1u
#define VECTOR_NMI 2u
#define VECTOR_BP  3u
#define VECTOR_OF  4u
#define VECTOR_UD  6u
#define VECTOR_DF  8u
#define VECTOR_GP  13u
#define VECTOR_PF  14u
#define VECTOR_AC  17u
#define VECTOR_CP  21u

/* Page-table entries, for our own tables and for nested ones of SVM (AMD APM 2, 5.3). */
#define PTE_PRESENT    (1ull << 0)
#define PTE_WRITE      (1ull << 1)
#define PTE_USER       (1ull << 2)
#define PTE_LARGE      (1ull << 7)
#define PTE_NO_EXECUTE (1ull << 63)
#define PTE_ADDRESS    0x000ffffffffff000ull
