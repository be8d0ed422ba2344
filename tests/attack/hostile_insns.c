/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that belong to a monitor, and CPUID. */
#include "hostile.h"

#define ROUNDS 50u

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint64_t random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Each with random registers; rax is a page's address, else some fault before they are looked at.
 */
#define INSTRUCTION(name, text)                                                                    \
    static void name(void *argument)                                                               \
    {                                                                                              \
        (void)argument;                                                                            \
        uint64_t a = random() & 0xfffffff000ull, b = random(), c = random(), d = random();         \
        __asm__ volatile(text : "+a"(a), "+b"(b), "+c"(c), "+d"(d) : : "memory");                  \
    }

INSTRUCTION(do_vmrun, "vmrun %%rax")
INSTRUCTION(do_vmload, "vmload %%rax")
INSTRUCTION(do_vmsave, "vmsave %%rax")
INSTRUCTION(do_stgi, "stgi")
INSTRUCTION(do_clgi, "clgi")
INSTRUCTION(do_skinit, "skinit")
INSTRUCTION(do_invlpga, "invlpga %%rax, %%ecx")
INSTRUCTION(do_vmmcall, "vmmcall")
INSTRUCTION(do_invd, "invd")
INSTRUCTION(do_rsm, "rsm")
INSTRUCTION(do_xsetbv, "xsetbv")
INSTRUCTION(do_vmcall, ".byte 0x0f, 0x01, 0xc1")
INSTRUCTION(do_vmxon, ".byte 0xf3, 0x0f, 0xc7, 0x30")
INSTRUCTION(do_getsec, ".byte 0x0f, 0x37")
INSTRUCTION(do_wbinvd, "wbinvd")

static void xsetbv(void *argument)
{
    uint64_t value = *(const uint64_t *)argument;
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void attack_xsetbv(void)
{
    uint64_t cr4, value;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | 1ull << 18)); /* OSXSAVE */
    for (unsigned bit = 0; bit < 64; bit++) {
        value = 1ull << bit;
        attempt(xsetbv, &value);
        value |= 1;
        attempt(xsetbv, &value);
    }
    value = 0;
    if (attempt(xsetbv, &value) != VECTOR_GP)
        bad("XSETBV took 0", 0, 0);
    value = UINT64_MAX;
    attempt(xsetbv, &value);
    value = 7; /* left so: the monitor must not mind */
    attempt(xsetbv, &value);
}

void attack_insns(void)
{
    static const struct {
        const char *name;
        void (*run)(void *argument);
        bool exits;   /* leaves the guest on each of the processors that Mullion knows */
        int expected; /* exception; -1: none; -2: whatever */
    } list[] = {
        {"vmrun", do_vmrun, true, VECTOR_UD},
        {"vmload", do_vmload, true, VECTOR_UD},
        {"vmsave", do_vmsave, true, VECTOR_UD},
        {"stgi", do_stgi, true, VECTOR_UD},
        {"clgi", do_clgi, true, VECTOR_UD},
        {"skinit", do_skinit, true, VECTOR_UD},
        {"invlpga", do_invlpga, true, VECTOR_UD},
        {"vmmcall", do_vmmcall, true, VECTOR_UD},
        {"invd", do_invd, true, -1},
        {"rsm", do_rsm, false, VECTOR_UD},
        {"vmcall", do_vmcall, false, VECTOR_UD},
        {"vmxon", do_vmxon, false, -2},
        {"getsec", do_getsec, false, VECTOR_UD},
        {"xsetbv", do_xsetbv, false, -2},
        {"wbinvd", do_wbinvd, false, -1},
    };
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
            int vector = attempt(list[i].run, NULL);
            if (list[i].exits)
                tally(INSNS, vector == VECTOR_UD);
            if (list[i].expected != -2 && vector != list[i].expected)
                bad(list[i].name, round, (uint64_t)(int64_t)vector);
        }
    }
    attack_xsetbv();
}

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
                     : "a"(leaf), "c"(subleaf));
}

static void expect_leaf(uint32_t leaf, unsigned reg, uint32_t mask, uint32_t value)
{
    uint32_t r[4];
    cpuid(leaf, 0, r);
    if ((r[reg] & mask) != value)
        bad("CPUID", leaf, r[reg]);
}

void attack_cpuid(void)
{
    static const uint32_t ranges[] = {0,          0x40000000, 0x40000100, 0x80000000,
                                      0x8ffffff0, 0xc0000000, 0xffffffe0};
    uint32_t r[4];
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        for (uint32_t leaf = 0; leaf < 0x20; leaf++)
            for (uint32_t subleaf = 0; subleaf < 4; subleaf++)
                cpuid(ranges[i] + leaf, subleaf == 3 ? UINT32_MAX : subleaf, r);
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
