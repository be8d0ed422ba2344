/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's own page tables (AMD APM 2, 5.3). */
#include "x86/paging.h"

#include "x86/asm.h"
#include "x86/memory.h"
#include "x86/msr.h"
#include "x86/pagetable.h"
#include "x86/trap.h"

extern uint8_t image_start[], image_rodata[], image_data[], image_end[];

static uint64_t *root;

static void map(uint64_t from, uint64_t to, uint64_t flags, uint64_t largest)
{
    if (!pagetable_map(root, from, from, to - from, flags | PTE_PRESENT, largest))
        panic("no memory for the monitor's page tables");
}

void paging_init(const struct machine *m)
{
    uint64_t largest = (cpuid(0x80000001, 0).edx & 1u << 26) != 0 ? HUGE_PAGE : LARGE_PAGE;
    uint64_t end = 4 * GIB;
    for (unsigned i = 0; i < m->ram_count; i++)
        if (m->ram[i].base.v + m->ram[i].size > end)
            end = align_up(m->ram[i].base.v + m->ram[i].size, HUGE_PAGE);
    root = memory_pages_or_panic(1);
    map(0, end, PTE_WRITE | PTE_NO_EXECUTE, largest);
    map((uint64_t)image_start, (uint64_t)image_rodata, 0, PAGE_SIZE);
    map((uint64_t)image_rodata, (uint64_t)image_data, PTE_NO_EXECUTE, PAGE_SIZE);
}

bool paging_guard(const void *page)
{
    return pagetable_unmap(root, (uint64_t)page, PAGE_SIZE);
}

void paging_load(void)
{
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    write_cr3((uint64_t)root);
}
