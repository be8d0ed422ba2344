/* SPDX-License-Identifier: Apache-2.0 */
/* The local APIC. */
#include "x86/apic.h"

#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/msr.h"
#include "x86/trap.h"

#define ICR_LEVEL_ASSERT (1u << 14)
#define SVR_RESET        0xffu
#define DRAIN_ROUNDS     256u

void apic_enable_x2apic(void)
{
    wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE);
    wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
}

void apic_send(apic_id_t to, uint32_t delivery, uint8_t vector)
{
    wrmsr(X2APIC_ICR, (uint64_t)to.v << 32 | ICR_LEVEL_ASSERT | delivery << 8 | vector);
}

void apic_send_nmi(apic_id_t to)
{
    apic_send(to, DELIVERY_NMI, 0);
}

bool apic_timer_takes_delivery(void)
{
    static bool known, taken; /* the first VM is made when no guest has this timer yet */
    if (known)
        return taken;
    taken = wrmsr_safe(X2APIC_LVT_TIMER, LVT_MASKED | DELIVERY_SMI << 8) &&
            (rdmsr(X2APIC_LVT_TIMER) >> 8 & 7) != 0;
    wrmsr(X2APIC_LVT_TIMER, LVT_MASKED);
    known = true;
    return taken;
}

/* Is a bit set in the 256 of the ISR or IRR? */
static bool apic_any(uint32_t first)
{
    for (uint32_t i = 0; i < 8; i++)
        if (rdmsr(first + i) != 0)
            return true;
    return false;
}

static void apic_end_all(void)
{
    for (unsigned round = 0; round < DRAIN_ROUNDS && apic_any(X2APIC_ISR0); round++)
        wrmsr(X2APIC_EOI, 0);
}

/* Requested interrupts can only be got rid of by taking them; trap_handle ends each. */
static void apic_drain_requests(void)
{
    trap_load_idt_drain(); /* a guest may send itself 0 to 31, which are exceptions to us */
    for (unsigned round = 0; round < DRAIN_ROUNDS && apic_any(X2APIC_IRR0); round++)
        backend->open_window_interrupts();
    trap_load_idt();
    apic_end_all(); /* vector 2, which was taken for an NMI */
}

void apic_reset_this(void)
{
    static const uint32_t lvts[] = {X2APIC_LVT_TIMER, X2APIC_LVT_THERMAL, X2APIC_LVT_PERF,
                                    X2APIC_LVT_LINT0, X2APIC_LVT_LINT1,   X2APIC_LVT_ERROR};
    wrmsr(X2APIC_TIMER_INIT, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(lvts); i++)
        wrmsr_safe(lvts[i], LVT_MASKED);
    apic_end_all();
    wrmsr(X2APIC_TPR, 0);
    wrmsr(X2APIC_SVR, SVR_RESET | SVR_ENABLE);
    apic_drain_requests();
    wrmsr(X2APIC_TIMER_DIVIDE, 0);
    wrmsr(X2APIC_SVR, SVR_RESET);
    wrmsr(X2APIC_ESR, 0);
}

bool apic_interrupt_waits(void)
{
    uint64_t priority = rdmsr(X2APIC_PPR) >> 4;
    for (unsigned i = 8; i-- > 0;) {
        uint32_t requested = (uint32_t)rdmsr(X2APIC_IRR0 + i);
        if (requested != 0)
            return (i * 32 + 31u - (unsigned)__builtin_clz(requested)) >> 4 > priority;
    }
    return false;
}
