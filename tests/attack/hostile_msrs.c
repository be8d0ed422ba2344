/* SPDX-License-Identifier: Apache-2.0 */
/* Model-specific registers: read all, write those that others could feel. */
#include "hostile.h"

#define MSR_TSC  0x10u
#define TSC_JUMP (1ull << 40) /* no clock takes so long between two reads */

struct msr {
    uint32_t number;
    uint64_t value;
};

static void msr_read(void *argument)
{
    struct msr *msr = argument;
    msr->value = rdmsr(msr->number);
}

static void msr_write(void *argument)
{
    const struct msr *msr = argument;
    wrmsr(msr->number, msr->value);
}

static void read_range(uint32_t first, uint32_t last)
{
    for (uint32_t number = first; number <= last; number++) {
        struct msr msr = {number, 0};
        tally(MSRS, attempt(msr_read, &msr) == VECTOR_GP);
    }
}

/* Must fault; an exception other than #GP or none at all is worth a line. */
static void write_refused(uint32_t number, uint64_t value)
{
    struct msr msr = {number, value};
    bool refused = attempt(msr_write, &msr) == VECTOR_GP;
    tally(MSRS, refused);
    if (!refused)
        bad("this MSR took a write", number, value);
}

/* May be ignored, but must not change what others or the monitor rely on: read it back. */
static void write_ignored(uint32_t number, uint64_t value)
{
    struct msr before = {number, 0}, after = {number, 0}, write = {number, value};
    bool readable = attempt(msr_read, &before) < 0;
    tally(MSRS, !readable);
    tally(MSRS, attempt(msr_write, &write) == VECTOR_GP);
    bool again = attempt(msr_read, &after) < 0;
    tally(MSRS, !again);
    uint64_t differs = number == MSR_TSC ? TSC_JUMP : 1; /* a clock goes on */
    if (readable && again && after.value - before.value >= differs)
        bad("this MSR took a write", number, after.value);
}

void attack_msrs(void)
{
    static const uint32_t ignored[] = {
        0x1b,       0x79,       0x8b,       0xfe,       0x179,      0x17b,      0x1a0,
        0x200,      0x201,      0x250,      0x258,      0x268,      0x2ff,      0x400,
        0x401,      0x10,       0xce,       0x3a,       0x480,      0x491,      0x1d9,
        0x802,      0x803,      0x80d,      0x82f,      0xc0010010, 0xc0010015, 0xc001001a,
        0xc001001f, 0xc0010020, 0xc0010050, 0xc0010054, 0xc0010058, 0xc0010061, 0xc0010062,
        0xc0010063, 0xc0010064, 0xc0010111, 0xc0010112, 0xc0010113, 0xc0010114, 0xc0010115,
        0xc0010117, 0xc0010118, 0xc0010140, 0xc0010141, 0xc0011020, 0xc0011029, 0xc00000e7,
        0xc00000e8, 0x40000000, 0x40000001, 0xffffffff, 0x80000000, 0xc0012000, 0xbfffffff};
    static const uint32_t local[] = {0x833, 0x834, 0x835, 0x836, 0x837};
    static const uint32_t delivery[] = {1, DELIVERY_SMI, 3, DELIVERY_INIT, 6};

    read_range(0, 0x1fff);
    tallies[IPIS].attempts++; /* among them the ICR, which the monitor counts apart */
    read_range(0xc0000000, 0xc0001fff);
    read_range(0xc0010000, 0xc0011fff);
    for (unsigned i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        write_ignored(ignored[i], 0);
        write_ignored(ignored[i], UINT64_MAX);
    }
    /* The APIC may not move, leave x2APIC mode, or be switched off. */
    write_refused(0x1b, 0xfee00900);
    write_refused(0x1b, 0xfee00100);
    write_refused(0x1b, 0x01000d00);
    write_refused(0xc0000080, rdmsr(0xc0000080) | 1ull << 12); /* EFER.SVME */
    write_refused(0xc0000080, UINT64_MAX);
    tallies[MSRS].attempts++; /* the read of EFER above */
    for (unsigned i = 0; i < sizeof(local) / sizeof(local[0]); i++)
        for (unsigned k = 0; k < sizeof(delivery) / sizeof(delivery[0]); k++)
            write_refused(local[i], delivery[k] << 8 | 0x40);
    /* The clock's pages must lie in the VM. */
    write_refused(0x4b564d00, memory_size);
    write_refused(0x4b564d00, memory_size - 4);
    write_refused(0x4b564d01, memory_size | 1);
    write_refused(0x4b564d01, (memory_size - 8) | 1);
    write_refused(0x4b564d01, 0xfffffffffffffff1ull);
}
