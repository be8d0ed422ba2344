/* SPDX-License-Identifier: Apache-2.0 */
/* Linux' x2apic_send_IPI_mask(mask, vector): one call for all its cores instead of an ICR write
 * each. */
#include "wedge.h"

#define VECTOR_FIRST 32u /* what is below is an NMI or an error, the guest's own affair */

/* A variable of the guest's image, as it is mapped now. */
static RESIDENT const void *variable(const struct wedge_data *data,
                                     const struct afterburn_symbol *symbol)
{
    return wedge_resident_start + (int64_t)(symbol->value - data->text_area);
}

/* Of the core with this number, of 16 or 32 bits. */
static RESIDENT uint32_t apic_id(const struct wedge_data *data, const uint64_t *offsets,
                                 uint32_t cpu)
{
    const struct afterburn_symbol *symbol = &data->symbols[AFTERBURN_CPU_TO_APICID];
    uintptr_t at = (uintptr_t)(offsets[cpu] + symbol->value);
    return symbol->size == 2 ? *(const uint16_t *)at : *(const uint32_t *)at;
}

static RESIDENT uint32_t this_cpu(const struct wedge_data *data)
{
    uint32_t cpu;
    __asm__ volatile("movl %%gs:(%1), %0"
                     : "=r"(cpu)
                     : "r"(data->symbols[AFTERBURN_CPU_NUMBER].value));
    return cpu;
}

static RESIDENT bool is_known(const struct wedge_data *data, bool but_us)
{
    const struct afterburn_symbol *symbols = data->symbols;
    uint32_t size = symbols[AFTERBURN_CPU_TO_APICID].size;
    return symbols[AFTERBURN_PER_CPU_OFFSET].id != 0 && symbols[AFTERBURN_CPU_TO_APICID].id != 0 &&
           (size == 2 || size == 4) && (!but_us || symbols[AFTERBURN_CPU_NUMBER].id != 0);
}

static RESIDENT bool send(struct wedge_data *data, uint8_t vector, const uint32_t *ids,
                          unsigned count)
{
    /* Who is interrupted sees what was written before, as a fence before the ICR would have it. */
    __asm__ volatile("mfence" : : : "memory");
    return (data->ground == GROUND_KVM && kvm_ipi(data, vector, ids, count)) ||
           (data->ground == GROUND_MULLION && mullion_ipi(data, vector, ids, count));
}

RESIDENT bool wedge_ipi(struct wedge_data *data, struct wedge_regs *regs, bool but_us)
{
    uint32_t ids[WEDGE_CPUS], count = 0;
    const uint64_t *mask = (const void *)(uintptr_t)regs->rdi;
    uint32_t vector = (uint32_t)regs->rsi;
    if (!is_known(data, but_us) || vector < VECTOR_FIRST || vector > 0xff)
        return false;
    const struct afterburn_symbol *symbol = &data->symbols[AFTERBURN_PER_CPU_OFFSET];
    const uint64_t *offsets = variable(data, symbol);
    uint32_t cpus = symbol->size / sizeof(*offsets), us = but_us ? this_cpu(data) : UINT32_MAX;
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        if ((mask[cpu / 64] >> (cpu % 64) & 1) == 0 || cpu == us)
            continue;
        if (count == WEDGE_CPUS)
            return false;
        ids[count++] = apic_id(data, offsets, cpu);
    }
    return count >= 2 && send(data, (uint8_t)vector, ids, count);
}
