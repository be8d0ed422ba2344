/* SPDX-License-Identifier: Apache-2.0 */
/* XSETBV does not leave the guest: what it takes is this core's own until the VM starts again. */
#include "hostile.h"

#define CR4_OSXSAVE (1ull << 18)
#define SMALL       256u
#define RANDOM      2000u

struct xcr {
    uint32_t number;
    uint64_t value;
};

static void set(void *argument)
{
    const struct xcr *x = argument;
    __asm__ volatile("xsetbv"
                     :
                     : "c"(x->number), "a"((uint32_t)x->value), "d"((uint32_t)(x->value >> 32)));
}

static uint64_t xgetbv(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* #GP, or the register has it; never without x87's bit, never another register than XCR0. */
static void try(uint32_t number, uint64_t value)
{
    struct xcr x = {number, value};
    uint64_t before = xgetbv();
    int vector = attempt(set, &x);
    bool legal = number == 0 && (value & 1) != 0;
    if (vector != VECTOR_GP && (vector != -1 || !legal))
        bad("XSETBV", number, value);
    if (xgetbv() != (vector < 0 ? value : before))
        bad("XCR0", value, xgetbv());
}

void attack_xsetbv(void)
{
    uint64_t cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
    for (uint64_t value = 0; value < SMALL; value++)
        for (uint32_t number = 0; number < 4; number++)
            try(number, value);
    for (unsigned bit = 0; bit < 64; bit++) {
        try(0, 1ull << bit);
        try(0, 1ull << bit | 1);
        try(0, ~(1ull << bit));
    }
    for (unsigned i = 0; i < RANDOM; i++) {
        uint64_t value = random();
        try(0, value);
        try((uint32_t)(value >> 13), random());
    }
    try(0, 7); /* left so: the monitor must not mind */
}
