/* SPDX-License-Identifier: Apache-2.0 */
/* Processor state of a guest that no control block holds (AMD APM 2, 14.1.3). */
#include "x86/guest_state.h"

#include "x86/asm.h"
#include "x86/msr.h"
#include "x86/trap.h"

#define CPUID_XSAVE   (1u << 26) /* 1 ECX */
#define XCR0_X87      1u
#define MXCSR_DEFAULT 0x1f80u

/* What XRSTOR and FXRSTOR read (Intel SDM 1, 10.5.1 and 13.4). */
struct xsave_area {
    uint32_t x87[6];
    uint32_t mxcsr;
    uint32_t rest_of_512[121];
    uint64_t header[8];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct xsave_area) == 576, "XSAVE area");

static const struct xsave_area initial = {.mxcsr = MXCSR_DEFAULT};

/*
 * XCR0 and every register that it can enable. A header of zeros gives each component its initial
 * state, MXCSR comes from the area (Intel SDM 1, 13.8.1; AMD APM 2, 11.5).
 */
static void reset_by_xrstor(void)
{
    struct cpuid offered = cpuid(0xd, 0);
    uint64_t all = (uint64_t)offered.edx << 32 | offered.eax;
    if (!xsetbv_safe(0, all)) /* else the registers would be the next VM's to read */
        panic("XCR0 does not take %lx, which CPUID offers", all);
    __asm__ volatile("xrstor %0" : : "m"(initial), "a"(~0u), "d"(~0u));
    xsetbv_safe(0, XCR0_X87);
}

/* FNINIT does not clear the data registers, but comes last: FXRSTOR's x87 control word is zero. */
static void reset_vectors(void)
{
    bool xsave = (cpuid(1, 0).ecx & CPUID_XSAVE) != 0;
    uint64_t cr4 = read_cr4();
    write_cr4(cr4 | CR4_OSFXSR | (xsave ? CR4_OSXSAVE : 0));
    if (xsave)
        reset_by_xrstor();
    else
        __asm__ volatile("fxrstor %0" : : "m"(initial));
    write_cr4(cr4);
    __asm__ volatile("fninit");
}

void guest_state_reset(void)
{
    static const uint32_t msrs[] = {MSR_SPEC_CTRL, MSR_UMWAIT_CONTROL, MSR_XSS, MSR_TSC_AUX,
                                    MSR_TSC_DEADLINE};
    for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
        wrmsr_safe(msrs[i], 0); /* not every processor has them all */
    reset_vectors();
    __asm__ volatile("mov %0, %%dr0\n\t"
                     "mov %0, %%dr1\n\t"
                     "mov %0, %%dr2\n\t"
                     "mov %0, %%dr3"
                     :
                     : "r"(0ull));
}
