/* SPDX-License-Identifier: Apache-2.0 */
/* Cores: their state and stacks, calling one another by NMI, sleeping in host mode. */
#include "x86/cpu.h"

#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/memory.h"
#include "x86/msr.h"
#include "x86/paging.h"
#include "x86/time.h"
#include "x86/trap.h"

#define STACK_PAGES  4u
#define FAULT_PAGES  1u /* stack for double faults */
#define TSS_SELECTOR 32u
#define GDT_CODE     0x00af9b000000ffffull
#define GDT_DATA     0x00cf93000000ffffull
#define TSS_TYPE     0x0000890000000000ull /* present, available 64-bit TSS */

struct pcpu *cpus[MAX_CPUS];
struct machine machine;

/* One core: [state][guard][stack x 4][guard][fault stack]. */
static struct pcpu *cpu_new(cpu_id_t id)
{
    uint8_t *pages = memory_pages(3 + STACK_PAGES + FAULT_PAGES + 1);
    if (pages == NULL)
        return NULL;
    uint8_t *stack = pages + 2 * PAGE_SIZE;
    uint8_t *fault = stack + (STACK_PAGES + 1) * PAGE_SIZE;
    if (!paging_guard(stack - PAGE_SIZE) || !paging_guard(fault - PAGE_SIZE))
        return NULL;
    struct pcpu *cpu = (struct pcpu *)pages;
    cpu->self = cpu;
    cpu->id = id;
    cpu->apic_id = machine.cpus[id].apic_id;
    cpu->stack_top = stack + STACK_PAGES * PAGE_SIZE;
    cpu->host_state = fault + FAULT_PAGES * PAGE_SIZE;
    cpu->tss.ist[0] = (uint64_t)fault + FAULT_PAGES * PAGE_SIZE;
    cpu->tss.io_map = sizeof(struct tss);
    uint64_t tss = (uint64_t)&cpu->tss;
    cpu->gdt[1] = GDT_CODE;
    cpu->gdt[2] = GDT_DATA;
    cpu->gdt[4] =
        TSS_TYPE | (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56;
    cpu->gdt[5] = tss >> 32;
    return cpu;
}

bool cpu_init_all(void)
{
    for (cpu_id_t id = 0; id < machine.cpu_count; id++) {
        cpus[id] = cpu_new(id);
        if (cpus[id] == NULL)
            return false;
    }
    return true;
}

void cpu_init_this(struct pcpu *cpu)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt};
    __asm__ volatile("lgdt %0" : : "m"(pointer));
    __asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
    wrmsr(MSR_GS_BASE, (uint64_t)cpu);
    trap_load_idt();
    apic_enable_x2apic();
}

void cpu_kick(struct pcpu *cpu, uint32_t request)
{
    uint32_t before = atomic_fetch_or(&cpu->request, request | REQUEST_KICKED);
    if ((before & REQUEST_KICKED) == 0)
        apic_send_nmi(cpu->apic_id);
}

/*
 * Each NMI that arrives is looked for here and nowhere else, and REQUEST_KICKED is cleared with it:
 * so a kick cannot be served twice, and an NMI without a request is the guest's own.
 */
uint32_t cpu_take_nmi(void)
{
    struct pcpu *cpu = this_cpu();
    backend->open_window();
    cpu->nmi_seen = 0;
    return atomic_exchange(&cpu->request, 0);
}

uint32_t cpu_park(void)
{
    struct pcpu *cpu = this_cpu();
    while (cpu->nmi_seen == 0)
        backend->sleep(&cpu->nmi_seen);
    cpu->nmi_seen = 0;
    return atomic_exchange(&cpu->request, 0);
}

void cpu_delay_us(uint64_t microseconds)
{
    uint64_t end = time_us() + microseconds;
    while (time_us() < end)
        cpu_relax();
}
