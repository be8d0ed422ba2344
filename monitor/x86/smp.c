/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the other cores, one after the other (Intel SDM 3, 8.4.4; AMD APM 2, 16.5). */
#include "core/log.h"
#include "lib/string.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/msr.h"
#include "x86/paging.h"
#include "x86/time.h"

#define TRAMPOLINE      0x8000ull /* RAM on every PC; given to the service VM later, cleared */
#define INIT_DELAY_US   10000u
#define SIPI_TIMEOUT_US 200000u

extern const uint8_t smp_trampoline[], smp_trampoline_end[];
uint8_t *smp_start_stack;
struct pcpu *smp_start_argument;
_Noreturn void smp_main(struct pcpu *cpu);

static void (*smp_entry)(struct pcpu *);

void smp_main(struct pcpu *cpu)
{
    paging_load();
    cpu_init_this(cpu);
    atomic_store(&cpu->online, true);
    smp_entry(cpu);
    cpu_halt();
}

static bool wait_online(struct pcpu *cpu)
{
    uint64_t end = time_us() + SIPI_TIMEOUT_US;
    while (!atomic_load(&cpu->online) && time_us() < end)
        cpu_relax();
    return atomic_load(&cpu->online);
}

static bool start_one(struct pcpu *cpu)
{
    smp_start_stack = cpu->stack_top;
    smp_start_argument = cpu;
    apic_send(cpu->apic_id, DELIVERY_INIT, 0);
    cpu_delay_us(INIT_DELAY_US);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        apic_send(cpu->apic_id, DELIVERY_SIPI, TRAMPOLINE / PAGE_SIZE);
        if (wait_online(cpu))
            return true;
    }
    return wait_online(cpu);
}

/* A core that doesn't answer leaves the inventory, so that no VM gets it. */
static void drop_cpu(cpu_id_t id)
{
    log_error("core with APIC id %u does not start; it is left out. Look for it in the firmware's "
              "set-up",
              machine.cpus[id].apic_id.v);
    machine.cpu_count--;
    for (cpu_id_t i = id; i < machine.cpu_count; i++) {
        machine.cpus[i] = machine.cpus[i + 1];
        cpus[i] = cpus[i + 1];
        cpus[i]->id = i;
    }
}

void cpu_start_others(void (*entry)(struct pcpu *))
{
    smp_entry = entry;
    atomic_store(&this_cpu()->online, true);
    memcpy((void *)TRAMPOLINE, smp_trampoline, (size_t)(smp_trampoline_end - smp_trampoline));
    for (cpu_id_t id = 1; id < machine.cpu_count;) {
        if (start_one(cpus[id]))
            id++;
        else
            drop_cpu(id);
    }
    memset((void *)TRAMPOLINE, 0, PAGE_SIZE);
}
