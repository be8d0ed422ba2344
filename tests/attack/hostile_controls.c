/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile states, the list: each bit of the control and debug registers, bases that are none. */
#include "hostile_states.h"

#define EFER 0xc0000080u
#define BITS 36u /* the lower 32, and four that stand for the upper ones */

enum reg { CR0, CR3, CR4, CR8, DR6, DR7, EFER_REG };

static uint64_t read(enum reg reg)
{
    uint64_t value = 0;
    if (reg == CR0)
        __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    else if (reg == CR3)
        __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    else if (reg == CR4)
        __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    else if (reg == CR8)
        __asm__ volatile("mov %%cr8, %0" : "=r"(value));
    else if (reg == DR6)
        __asm__ volatile("mov %%dr6, %0" : "=r"(value));
    else if (reg == DR7)
        __asm__ volatile("mov %%dr7, %0" : "=r"(value));
    else
        value = rdmsr(EFER);
    return value;
}

struct change {
    enum reg reg;
    uint64_t value;
};

static void write(void *argument)
{
    const struct change *c = argument;
    if (c->reg == CR0)
        __asm__ volatile("mov %0, %%cr0" : : "r"(c->value) : "memory");
    else if (c->reg == CR3)
        __asm__ volatile("mov %0, %%cr3" : : "r"(c->value) : "memory");
    else if (c->reg == CR4)
        __asm__ volatile("mov %0, %%cr4" : : "r"(c->value) : "memory");
    else if (c->reg == CR8)
        __asm__ volatile("mov %0, %%cr8" : : "r"(c->value) : "memory");
    else if (c->reg == DR6)
        __asm__ volatile("mov %0, %%dr6" : : "r"(c->value) : "memory");
    else if (c->reg == DR7)
        __asm__ volatile("mov %0, %%dr7" : : "r"(c->value) : "memory");
    else
        wrmsr(EFER, c->value);
}

/* Another value of one bit, exits in that state, the old value again. */
static void flip(enum reg reg, unsigned number)
{
    static const unsigned upper[] = {32, 40, 48, 63};
    unsigned bit = number < 32 ? number : upper[number - 32];
    struct change change = {reg, read(reg) ^ 1ull << bit}, back = {reg, read(reg)};
    attempt(write, &change);
    state_exits();
    attempt(write, &back);
}

static void flip_cr0(unsigned bit)
{
    flip(CR0, bit);
}

/* From bit 12 on it is the address: that of tables elsewhere is in attack_crash. */
static void flip_cr3(unsigned number)
{
    flip(CR3, number < 12 ? number : number + 21); /* 33 to 35: the upper bits of above */
}

static void flip_cr4(unsigned bit)
{
    flip(CR4, bit);
}

static void flip_cr8(unsigned bit)
{
    flip(CR8, bit);
}

static void flip_dr6(unsigned bit)
{
    flip(DR6, bit);
}

static void flip_dr7(unsigned bit)
{
    flip(DR7, bit);
}

static void flip_efer(unsigned bit)
{
    flip(EFER_REG, bit);
}

static void base(void *argument)
{
    const uint64_t *write_base = argument;
    wrmsr((uint32_t)write_base[0], write_base[1]);
}

static const uint32_t base_msrs[] = {0xc0000100, 0xc0000101, 0xc0000102, 0xc0000082,
                                     0xc0000083, 0x175,      0x176};
static const uint64_t base_values[] = {1ull << 47, 1ull << 63, 0xffff7fffffffffffull, FOREIGN};
#define BASE_MSRS   (sizeof(base_msrs) / sizeof(base_msrs[0]))
#define BASE_VALUES (sizeof(base_values) / sizeof(base_values[0]))

/* The bases of FS, GS and system calls at no address, or another VM's. GS is what faults need. */
static void odd_base(unsigned number)
{
    uint64_t argument[2] = {base_msrs[number / BASE_VALUES], base_values[number % BASE_VALUES]};
    uint64_t gs = (uint64_t)this_cpu();
    uint32_t a = 0, b, c = 0, d;
    int vector = attempt(base, argument); /* a processor refuses some, an emulator may not */
    if (vector >= 0 || argument[0] != 0xc0000101) {
        state_exits();
        return;
    }
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    out8(0x80, 0);
    wrmsr(0xc0000101, gs);
}

#define PAGE_STATE(name)                                                                           \
    {                                                                                              \
#name, 1, NULL, name, name##_end                                                           \
    }
#define DECLARE(name) extern const uint8_t name[], name##_end[]
DECLARE(state_real);
DECLARE(state_faults);
DECLARE(state_shutdown);
DECLARE(state_unreal);
DECLARE(state_protected16);
DECLARE(state_vm86);
DECLARE(state_paging32);
DECLARE(state_pae_outside);

bool state_way(unsigned index, struct way *way)
{
    const struct {
        const char *name;
        unsigned count;
        void (*run)(unsigned number);
        const uint8_t *start, *end;
    } families[] = {
        {"cr0", BITS, flip_cr0, NULL, NULL},
        {"cr3", 15, flip_cr3, NULL, NULL},
        {"cr4", BITS, flip_cr4, NULL, NULL},
        {"cr8", BITS, flip_cr8, NULL, NULL},
        {"dr6", BITS, flip_dr6, NULL, NULL},
        {"dr7", BITS, flip_dr7, NULL, NULL},
        {"efer", BITS, flip_efer, NULL, NULL},
        {"bases", BASE_MSRS * BASE_VALUES, odd_base, NULL, NULL},
        {"segments", state_segment_count, state_segments, NULL, NULL},
        PAGE_STATE(state_real),
        PAGE_STATE(state_faults),
        PAGE_STATE(state_shutdown),
        PAGE_STATE(state_unreal),
        PAGE_STATE(state_protected16),
        PAGE_STATE(state_vm86),
        PAGE_STATE(state_paging32),
        PAGE_STATE(state_pae_outside),
    };
    for (unsigned i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (index < families[i].count) {
            *way = (struct way){families[i].name, families[i].run, families[i].start,
                                families[i].end, index};
            return true;
        }
        index -= families[i].count;
    }
    return false;
}
