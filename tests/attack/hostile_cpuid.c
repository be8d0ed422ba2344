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

static void expect_leaf(uint32_t leaf, unsigned reg, uint32_t mask, uint32_t value)
{
    uint32_t r[4];
    cpuid(leaf, 0, r);
    if ((r[reg] & mask) != value)
        bad("CPUID", leaf, r[reg]);
}

/* The hypervisor's leaves: its own name, KVM's name and KVM's features; zero elsewhere. */
static void check_hypervisor(uint32_t leaf, uint32_t subleaf)
{
    uint32_t r[4];
    cpuid(leaf, subleaf, r);
    if ((leaf >> 16) != HYPERVISOR >> 16 || leaf == HYPERVISOR || leaf == HYPERVISOR + 0x100 ||
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
    expect_leaf(0x40000000, 1, UINT32_MAX, 0x6c6c754d);          /* "Mull" "ionM" "ulli" */
    expect_leaf(0x40000000, 2, UINT32_MAX, 0x4d6e6f69);
    expect_leaf(0x40000000, 3, UINT32_MAX, 0x696c6c75);
    expect_leaf(0x40000100, 1, UINT32_MAX, 0x4b4d564b); /* "KVMKVMKVM" */
    expect_leaf(0x40000100, 2, UINT32_MAX, 0x564b4d56);
    expect_leaf(0x40000100, 3, UINT32_MAX, 0x4d);
}
