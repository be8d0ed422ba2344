/* SPDX-License-Identifier: Apache-2.0 */
/* Processor state of a guest that no control block holds (AMD APM 2, 14.1.3). */
#include "x86/guest_state.h"

#include "x86/asm.h"
#include "x86/msr.h"

#define CPUID_XSAVE (1u << 26) /* 1 ECX */
#define XCR0_X87    1u

static void reset_xcr0(void)
{
    if ((cpuid(1, 0).ecx & CPUID_XSAVE) == 0)
        return;
    uint64_t cr4 = read_cr4();
    write_cr4(cr4 | CR4_OSXSAVE);
    __asm__ volatile("xsetbv" : : "c"(0), "a"(XCR0_X87), "d"(0));
    write_cr4(cr4);
}

void guest_state_reset(void)
{
    static const uint32_t msrs[] = {MSR_SPEC_CTRL, MSR_UMWAIT_CONTROL, MSR_XSS, MSR_TSC_AUX,
                                    MSR_TSC_DEADLINE};
    for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
        wrmsr_safe(msrs[i], 0); /* not every processor has them all */
    reset_xcr0();
    __asm__ volatile("mov %0, %%dr0\n\t"
                     "mov %0, %%dr1\n\t"
                     "mov %0, %%dr2\n\t"
                     "mov %0, %%dr3\n\t"
                     "fninit"
                     :
                     : "r"(0ull));
}
