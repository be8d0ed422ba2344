/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID: every leaf of the three ranges with 64 sub-leaves, random ones; what it must not say. */
#include "hostile.h"

#define LEAVES        256u
#define SUBLEAVES     64u
#define RANDOM_LEAVES 10000u
#define HYPERVISOR    0x40000000u

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
                     : "a"(leaf), "c"(subleaf));
    tally(CPUIDS, false);
}

static void expect_subleaf(uint32_t leaf, uint32_t subleaf, unsigned reg, uint32_t mask,
                           uint32_t value)
{
    uint32_t r[4];
    cpuid(leaf, subleaf, r);
    if ((r[reg] & mask) != value)
        bad("CPUID", leaf, r[reg]);
}

static void expect_leaf(uint32_t leaf, unsigned reg, uint32_t mask, uint32_t value)
{
    expect_subleaf(leaf, 0, reg, mask, value);
}

/* State that nobody switches, and what only MSRs that do not pass would make use of. */
static void expect_unswitched(void)
{
    static const uint32_t empty[] = {0x14, 0x19, 0x1b, 0x1c, 0x1d, 0x1e, 0x20, 0x23};
    expect_leaf(7, 1, 1u << 25, 0);                                 /* processor trace */
    expect_leaf(7, 2, 1u << 7 | 1u << 13 | 1u << 23 | 1u << 31, 0); /* CET, TME, Key Locker, PKS */
    expect_leaf(7, 3, 1u << 5 | 1u << 20, 0);                       /* user interrupts, CET */
    expect_leaf(7, 3, 1u << 22 | 1u << 24 | 1u << 25, 0);           /* AMX .. */
    expect_leaf(0xd, 0, 3u << 17, 0);                               /* .. and its components */
    expect_subleaf(7, 1, 0, 1u << 17 | 1u << 27, 0);                /* FRED, MSRLIST */
    expect_subleaf(0xd, 1, 0, 1u << 4, 0);                          /* XFD */
    expect_subleaf(0xd, 1, 2, UINT32_MAX, 0);                       /* XSS has no component */
    for (unsigned i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
        for (unsigned reg = 0; reg < 4; reg++)
            expect_leaf(empty[i], reg, UINT32_MAX, 0);
    for (uint32_t component = 2; component < 63; component++)
        expect_subleaf(0xd, component, 2, 1, 0); /* of XCR0, or not there */
}

/* The hypervisor's leaves: its own name and its hypercalls' version, KVM's name and KVM's features;
 * zero elsewhere. */
static void check_hypervisor(uint32_t leaf, uint32_t subleaf)
{
    uint32_t r[4];
    cpuid(leaf, subleaf, r);
    if ((leaf >> 16) != HYPERVISOR >> 16 || leaf <= HYPERVISOR + 1 || leaf == HYPERVISOR + 0x100 ||
        leaf == HYPERVISOR + 0x101)
        return;
    if ((r[0] | r[1] | r[2] | r[3]) != 0)
        bad("CPUID says what is not documented", leaf, r[0]);
}

void attack_cpuid(void)
{
    static const uint32_t ranges[] = {0, HYPERVISOR, HYPERVISOR + 0x100, 0x80000000};
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        for (uint32_t leaf = 0; leaf < LEAVES; leaf++)
            for (uint32_t subleaf = 0; subleaf < SUBLEAVES; subleaf++)
                check_hypervisor(ranges[i] + leaf, subleaf);
    for (unsigned i = 0; i < RANDOM_LEAVES; i++) {
        uint64_t r = random();
        check_hypervisor((uint32_t)(i % 2 == 0 ? r : HYPERVISOR + r % 0x10000),
                         (uint32_t)(r >> 32));
    }
    expect_leaf(0x80000001, 2, 1u << 2, 0);                      /* no SVM .. */
    expect_leaf(0x8000000a, 0, UINT32_MAX, 0);                   /* .. nor what it could do */
    expect_leaf(1, 2, 1u << 31 | 1u << 21, 1u << 31 | 1u << 21); /* hypervisor, x2APIC */
    expect_leaf(1, 2, 1u << 5, 0);                               /* no VT-x */
    expect_leaf(0x40000000, 0, UINT32_MAX, 0x40000001);
    expect_leaf(0x40000001, 0, UINT32_MAX, 2);          /* of the hypercalls */
    expect_leaf(0x40000000, 1, UINT32_MAX, 0x6c6c754d); /* "Mull" "ionM" "ulli" */
    expect_leaf(0x40000000, 2, UINT32_MAX, 0x4d6e6f69);
    expect_leaf(0x40000000, 3, UINT32_MAX, 0x696c6c75);
    expect_leaf(0x40000100, 1, UINT32_MAX, 0x4b4d564b); /* "KVMKVMKVM" */
    expect_leaf(0x40000100, 2, UINT32_MAX, 0x564b4d56);
    expect_leaf(0x40000100, 3, UINT32_MAX, 0x4d);
    expect_unswitched();
}
