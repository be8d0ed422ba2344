/* SPDX-License-Identifier: Apache-2.0 */
/* A wedge's start, and the word in the guest's memory that says what is not the wedge's to do. */
#include "core/wedge.h"

#include "core/serial.h"

#define PORT_DELAY   0x80u
#define PORT_LAST    0xffffu
#define X2APIC_FIRST 0x800u
#define X2APIC_LAST  0x8ffu
#define CPUID_PLACES 0x4000u /* 40000000h to 4000FFFFh */

static bool touch(const struct control_rules *rules, uint32_t first, uint32_t last)
{
    for (unsigned i = 0; i < rules->count; i++)
        if (rules->list[i].first <= last && rules->list[i].last >= first)
            return true;
    return false;
}

/* A wedge asks for one of the places where hypervisors show themselves, and answers for all. */
static bool touch_places(const struct control_cpuids *rules)
{
    for (unsigned i = 0; i < rules->count; i++)
        if (rules->list[i].leaf >> 16 == CPUID_PLACES)
            return true;
    return false;
}

/* Any line about a port or MSR counts, `allow` among them: the guest is to reach the real one. */
static uint32_t ports_trap(const struct wedge *wedge, const struct controls *controls,
                           struct wedge_ports_now ports)
{
    const struct control_rules *rules = &controls->ports;
    bool all = ports.real || controls->unlisted == CONTROL_UNLISTED_AUDIT;
    bool moved = ports.console != wedge->console;
    uint32_t trap = 0;
    if (ports.console == 0 || moved ||
        touch(rules, ports.console, ports.console + SERIAL_PORTS - 1))
        trap |= WEDGE_CONSOLE;
    if (all || touch(rules, PORT_DELAY, PORT_DELAY))
        trap |= WEDGE_DELAY;
    if (all || (moved && ports.console != 0) || touch(rules, 0, PORT_DELAY - 1) ||
        touch(rules, PORT_DELAY + 1, PORT_LAST))
        trap |= WEDGE_ABSENT;
    return trap;
}

static uint32_t trap_now(const struct wedge *wedge, const struct controls *controls,
                         struct wedge_ports_now ports)
{
    uint32_t trap = ports_trap(wedge, controls, ports);
    if (wedge->cpuids_changed || control_watches(controls->events[CONTROL_CPUID]))
        trap |= WEDGE_CPUID;
    if (touch_places(&controls->cpuids))
        trap |= WEDGE_CPUID;
    if (controls->unlisted == CONTROL_UNLISTED_AUDIT || controls->msrs.count != 0)
        trap |= WEDGE_RDMSR;
    if (atomic_load(&wedge->version) < HYPERCALL_VERSION_IPI ||
        touch(&controls->msrs, X2APIC_FIRST, X2APIC_LAST))
        trap |= WEDGE_IPI;
    if (control_watches(controls->events[CONTROL_CR0]))
        trap |= WEDGE_MODULES;
    return trap;
}

/* Memory that may be taken from the VM while it runs is not for words that are kept. */
uint32_t wedge_start(struct wedge *wedge, const struct guest_memory *memory, gpa_t words,
                     uint32_t wanted, uint16_t console)
{
    const struct guest_memory made_with = guest_made_with(memory);
    struct wedge_words *at = words.v % sizeof(uint64_t) == 0
                                 ? guest_pointer(&made_with, words, sizeof(struct wedge_words))
                                 : NULL;
    uint32_t granted = at == NULL ? 0 : wanted < HYPERCALL_VERSION ? wanted : HYPERCALL_VERSION;
    wedge->trap = granted != 0 ? (_Atomic uint32_t *)&at->trap : NULL;
    wedge->console = console;
    wedge->cpuids_changed = false;
    atomic_store(&wedge->version, granted);
    return granted;
}

void wedge_forget(struct wedge *wedge)
{
    wedge->trap = NULL;
    atomic_store(&wedge->version, 0);
}

void wedge_update(struct wedge *wedge, const struct controls *controls,
                  struct wedge_ports_now ports, bool cpuids_changed)
{
    wedge->cpuids_changed = wedge->cpuids_changed || cpuids_changed;
    if (wedge->trap != NULL)
        atomic_store(wedge->trap, trap_now(wedge, controls, ports));
}
