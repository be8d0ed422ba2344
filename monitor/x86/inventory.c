/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine has. */
#include "x86/inventory.h"

#include "core/log.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "x86/asm.h"
#include "x86/time.h"

#define BOOT_MAPPED (4 * GIB) /* what the entry code has mapped */

static const void *map_boot(uint64_t address, uint64_t size)
{
    bool inside = address != 0 && size <= BOOT_MAPPED && address <= BOOT_MAPPED - size;
    return inside ? (const void *)address : NULL;
}

/* Whole pages of what the firmware calls RAM. */
static bool read_ram(const struct boot_info *boot, struct machine *m)
{
    for (unsigned i = 0; i < boot->map.count; i++) {
        const struct e820_entry *e = &boot->map.entries[i];
        uint64_t from = align_up(e->base, PAGE_SIZE);
        uint64_t to = align_down(e->base + e->size, PAGE_SIZE);
        if (e->type != E820_RAM || to <= from)
            continue;
        if (m->ram_count == MAX_RANGES)
            return false;
        m->ram[m->ram_count++] = (struct machine_range){{from}, to - from, 0};
    }
    return m->ram_count > 0;
}

/* Bits of an APIC id that tell the threads of one core apart (CPUID 0Bh, sub-leaf 0). */
static unsigned thread_bits(void)
{
    if (cpuid(0, 0).eax < 0xb)
        return 0;
    struct cpuid threads = cpuid(0xb, 0);
    bool is_thread_level = (threads.ecx >> 8 & 0xff) == 1;
    return is_thread_level ? threads.eax & 0x1f : 0;
}

bool inventory_read(const struct boot_info *boot, struct acpi_info *acpi, struct machine *m,
                    struct machine *all_ram)
{
    char warning[160] = "";
    apic_id_t bsp = {cpuid(1, 0).ebx >> 24};
    if (cpuid(0, 0).eax >= 0xb && cpuid(0xb, 0).ebx != 0)
        bsp.v = cpuid(0xb, 0).edx; /* all 32 bits */
    uint64_t rsdp = boot->rsdp != 0 ? boot->rsdp : boot->rsdp_said;
    if (!acpi_read(rsdp, bsp, map_boot, acpi, m, warning, sizeof(warning))) {
        log_error("no usable ACPI tables: Mullion finds the cores by them. %s", warning);
        return false;
    }
    if (warning[0] != '\0')
        log_warning("%s", warning);
    if (!read_ram(boot, m)) {
        log_error("the boot loader's memory map names no RAM, or more pieces than Mullion takes");
        return false;
    }
    acpi_assign_nodes(acpi, map_boot, m);
    for (unsigned i = 0; i < m->cpu_count; i++)
        m->cpus[i].core_id = m->cpus[i].apic_id.v >> thread_bits();
    *all_ram = *m;
    return true;
}

void inventory_report(const struct machine *m)
{
    char text[24];
    for (unsigned node = 0; node < m->node_count; node++) {
        unsigned cores = 0;
        uint64_t memory = 0;
        for (unsigned i = 0; i < m->cpu_count; i++)
            cores += m->cpus[i].node == node ? 1 : 0;
        for (unsigned i = 0; i < m->ram_count; i++)
            memory += m->ram[i].node == node ? m->ram[i].size : 0;
        fmt_size(text, sizeof(text), align_down(memory, MIB));
        log_info("node %u: %u cores, %s of memory", node, cores, text);
    }
    log_info("TSC %lu kHz", time_tsc_khz());
}
