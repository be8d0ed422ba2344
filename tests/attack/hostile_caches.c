/* SPDX-License-Identifier: Apache-2.0 */
/* Caches: off and on, flushed without end, typed by MTRRs and the PAT. */
#include "hostile.h"

#define CR0_NW      (1ull << 29)
#define CR0_CD      (1ull << 30)
#define PAT         0x277u
#define PAT_RESET   0x0007040600070406ull
#define FLUSHES     20000u
#define CD_ROUNDS   2000u
#define MTRR_ROUNDS 4u
#define DENIED_PORT 0xb3u /* beside the SMI command: no VM has it, not the service VM either */

struct msr {
    uint32_t number;
    uint64_t value;
};

static void msr_access(void *argument)
{
    struct msr *msr = argument;
    wrmsr(msr->number, msr->value);
}

static void msr_read(void *argument)
{
    struct msr *msr = argument;
    msr->value = rdmsr(msr->number);
}

static uint64_t cr0_read(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static void cr0_write(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

/* An exit in each state: the monitor runs with what the guest has left of the caches. */
static void caches_off(void)
{
    uint64_t normal = cr0_read();
    for (unsigned i = 0; i < CD_ROUNDS; i++) {
        cr0_write(normal | CR0_CD | (i % 2 == 0 ? CR0_NW : 0));
        out8(DENIED_PORT, (uint8_t)i);
        tally(PORTS, true);
        if ((cr0_read() & CR0_CD) == 0)
            bad("CR0.CD is lost", i, cr0_read());
        cr0_write(normal);
    }
}

static volatile bool flushed;

static void flush(void)
{
    for (unsigned i = 0; i < FLUSHES; i++)
        __asm__ volatile("wbinvd" : : : "memory");
    flushed = true;
}

static void flush_all(void)
{
    flushed = cpu_count < 2;
    if (cpu_count > 1)
        cpu_run(&cpus[1], flush);
    for (unsigned i = 0; i < FLUSHES; i++)
        __asm__ volatile("wbinvd" : : : "memory");
    while (!flushed)
        relax();
}

/* A VM without devices has no MTRRs; the service VM reads them, and what it writes is ignored. */
static void mtrrs(void)
{
    static const uint32_t numbers[] = {0xfe,  0x200, 0x201, 0x20e, 0x20f,      0x250,     0x258,
                                       0x259, 0x268, 0x26f, 0x2ff, 0xc0010016, 0xc001001a};
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        for (unsigned round = 0; round < MTRR_ROUNDS; round++) {
            struct msr before = {numbers[i], 0}, msr = {numbers[i], random()}, after = before;
            bool shown = attempt(msr_read, &before) != VECTOR_GP;
            bool written = attempt(msr_access, &msr) != VECTOR_GP;
            attempt(msr_read, &after);
            for (unsigned k = 0; k < 2; k++)
                tally(MSRS, !shown);
            tally(MSRS, !written);
            if (before.value != after.value || (!is_service() && (shown || written)))
                bad("an MTRR", numbers[i], after.value);
        }
    }
}

/*
 * Each byte value in each of the eight places. The register is the guest's own (nested paging has
 * a PAT for the guest), so a value is kept or #GP, over an exit, too. An emulator that takes an
 * illegal type has no caches that could mind.
 */
static void page_attributes(void)
{
    for (unsigned place = 0; place < 64; place += 8) {
        for (uint64_t value = 0; value < 256; value++) {
            struct msr pat = {PAT, (PAT_RESET & ~(0xffull << place)) | value << place};
            bool taken = attempt(msr_access, &pat) < 0;
            out8(DENIED_PORT, (uint8_t)value);
            tally(PORTS, true);
            uint64_t now = rdmsr(PAT);
            if (now != (taken ? pat.value : PAT_RESET))
                bad("the PAT", pat.value, now);
            wrmsr(PAT, PAT_RESET);
        }
    }
}

void attack_caches(void)
{
    caches_off();
    flush_all();
    mtrrs();
    wrmsr(PAT, PAT_RESET);
    page_attributes();
}
