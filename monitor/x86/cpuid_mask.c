/* SPDX-License-Identifier: Apache-2.0 */
/* What a partition cannot have of CPUID's answers. Pure: the processor is asked elsewhere. */
#include "x86/cpuid_mask.h"

/* Leaf 1 ECX */
#define FEATURE_VMX        (1u << 5)
#define FEATURE_SMX        (1u << 6)
#define FEATURE_PDCM       (1u << 15)
/* Leaf 1 EDX */
#define FEATURE_MCE        (1u << 7)
#define FEATURE_MTRR       (1u << 12)
#define FEATURE_MCA        (1u << 14)
#define FEATURE_DS         (1u << 21)
#define FEATURE_ACPI       (1u << 22)
/* Leaf 7 */
#define FEATURE_TSC_ADJUST (1u << 1)  /* EBX */
#define FEATURE_SGX        (1u << 2)  /* EBX */
#define FEATURE_RDT        (1u << 12) /* EBX: monitoring */
#define FEATURE_RDT_ALLOC  (1u << 15) /* EBX */
#define FEATURE_PT         (1u << 25) /* EBX */
/*
 * State that no back end switches between the guest and the monitor, and MSRs that do not pass:
 * shadow stacks, memory encryption, Key Locker, bus-lock detection (DEBUGCTL), ENQCMD (the PASID),
 * SGX's launch keys, supervisor protection keys.
 */
#define FEATURE_7_ECX_MASKED                                                                       \
    (1u << 7 | 1u << 13 | 1u << 23 | 1u << 24 | 1u << 29 | 1u << 30 | 1u << 31)
/*
 * Likewise: user interrupts, PCONFIG, branch records, branch tracking (CET), FLUSH_CMD, core
 * capabilities. AMX (22, 24, 25) is of no use without XFD, which faults by an MSR of its own.
 */
#define FEATURE_7_EDX_MASKED                                                                       \
    (1u << 5 | 1u << 18 | 1u << 19 | 1u << 20 | 1u << 22 | 1u << 24 | 1u << 25 | 1u << 28 |        \
     1u << 30)
/* Sub-leaf 1: LASS, performance counters, FRED, AMX-FP16, HRESET, LAM, MSRLIST: CR4's or an MSR's
 */
#define FEATURE_7_1_EAX_MASKED                                                                     \
    (1u << 6 | 1u << 8 | 1u << 17 | 1u << 21 | 1u << 22 | 1u << 26 | 1u << 27)
/* AMX-COMPLEX, USER_MSR, UIRET, CET's supervisor shadow stacks */
#define FEATURE_7_1_EDX_MASKED (1u << 8 | 1u << 15 | 1u << 17 | 1u << 18)
/* Leaf 0dh */
#define XCR0_TILES             (3u << 17) /* sub-leaf 0, EAX: AMX's two components */
#define XSAVE_XFD              (1u << 4)  /* sub-leaf 1, EAX */
#define COMPONENT_XSS          (1u << 0)  /* sub-leaf of a component, ECX: it is a supervisor's */
#define COMPONENT_IS_TILE(n)   ((n) == 17 || (n) == 18)
/* Leaf 8000_0001 ECX: SVM, OSVW, IBS, SKINIT, WDT, the performance counters, MONITORX stays */
#define FEATURE_AMD_MASKED                                                                         \
    (1u << 2 | 1u << 9 | 1u << 10 | 1u << 12 | 1u << 13 | 1u << 15 | 1u << 23 | 1u << 24 |         \
     1u << 27 | 1u << 28)
/* Leaf 8000_0007 EDX: only the invariant TSC; power and thermal registers are not a VM's. */
#define FEATURE_INVARIANT_TSC (1u << 8)

static void mask_leaf_1(struct cpuid *r, bool service)
{
    r->ecx &= ~(FEATURE_VMX | FEATURE_SMX | FEATURE_PDCM);
    r->edx &= ~(FEATURE_MCE | FEATURE_MCA | FEATURE_DS | FEATURE_ACPI);
    if (!service)
        r->edx &= ~FEATURE_MTRR;
}

static void mask_leaf_7(struct cpuid *r, uint32_t subleaf)
{
    if (subleaf == 0) {
        r->ebx &=
            ~(FEATURE_TSC_ADJUST | FEATURE_SGX | FEATURE_RDT | FEATURE_RDT_ALLOC | FEATURE_PT);
        r->ecx &= ~FEATURE_7_ECX_MASKED;
        r->edx &= ~FEATURE_7_EDX_MASKED;
    } else if (subleaf == 1) {
        r->eax &= ~FEATURE_7_1_EAX_MASKED;
        r->edx &= ~FEATURE_7_1_EDX_MASKED;
    }
}

/*
 * XSAVE's components, less AMX's tiles and all that XSS names: XRSTORS of those writes MSRs that do
 * not pass. Processor trace (8) would even write to memory that is not the VM's.
 */
static void mask_leaf_d(struct cpuid *r, uint32_t subleaf)
{
    if (subleaf == 0) {
        r->eax &= ~XCR0_TILES;
    } else if (subleaf == 1) {
        r->eax &= ~XSAVE_XFD;
        r->ecx = r->edx = 0;
    } else if (COMPONENT_IS_TILE(subleaf) || (r->ecx & COMPONENT_XSS) != 0) {
        *r = (struct cpuid){0, 0, 0, 0};
    }
}

void cpuid_mask(struct cpuid *r, uint32_t leaf, uint32_t subleaf, bool service)
{
    switch (leaf) {
    case 0x1:
        mask_leaf_1(r, service);
        break;
    case 0x7:
        mask_leaf_7(r, subleaf);
        break;
    case 0x6:              /* power and thermal management */
        r->eax &= 1u << 2; /* the APIC timer keeps running */
        r->ebx = r->ecx = 0;
        break;
    case 0xd:
        mask_leaf_d(r, subleaf);
        break;
    case 0x80000001:
        r->ecx &= ~FEATURE_AMD_MASKED;
        r->edx &= ~(FEATURE_MCE | FEATURE_MCA);
        if (!service)
            r->edx &= ~FEATURE_MTRR;
        break;
    case 0x80000007:
        r->eax = r->ebx = r->ecx = 0;
        r->edx &= FEATURE_INVARIANT_TSC;
        break;
    case 0xa: /* performance counters */
    case 0xf: /* cache monitoring and allocation */
    case 0x10:
    case 0x12:       /* SGX */
    case 0x14:       /* processor trace */
    case 0x19:       /* Key Locker */
    case 0x1b:       /* PCONFIG */
    case 0x1c:       /* branch records */
    case 0x1d:       /* AMX */
    case 0x1e:       /* AMX */
    case 0x20:       /* HRESET */
    case 0x23:       /* performance counters, again */
    case 0x8000000a: /* SVM */
    case 0x8000001b: /* IBS */
    case 0x8000001f: /* memory encryption */
    case 0x80000020: /* bandwidth control */
    case 0x80000022: /* performance monitoring, version 2 */
        *r = (struct cpuid){0, 0, 0, 0};
        break;
    default:
        break;
    }
}
