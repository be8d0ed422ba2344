/* SPDX-License-Identifier: Apache-2.0 */
/* Every MSR of the bitmaps' ranges, and random ones anywhere: read, written, read again. */
#include "hostile.h"

#define RANDOM_MSRS 10000u
#define RANGE       0x2000u

struct msr {
    uint32_t number;
    uint64_t value;
};

/* This core's own: what is written there is there, and some of it this guest stands on. */
static const struct {
    uint32_t first, last;
} own[] = {
    {0x48, 0x49},   {0x174, 0x176},           {0x277, 0x277},           {0x6e0, 0x6e0},
    {0x808, 0x80f}, {0x828, 0x828},           {0x830, 0x83f},           {0xe1, 0xe1},
    {0x1b, 0x1b},   {0xc0000080, 0xc0000084}, {0xc0000100, 0xc0000103}, {0xc001011f, 0xc001011f},
    {0x10, 0x10}, /* the TSC: does not stand still to be compared; refused, see the loop below */
};

/* Microcode, power and frequency, SMM, and what SVM keeps: never a VM's to write. */
static const uint32_t named[] = {
    0x10,       0x79,       0x8b,       0xc0010020, /* time, microcode */
    0x199,      0x19a,      0x1a2,      0x1aa,      0x1ad,      0x1b0,      0x1fc,      0x610,
    0x614,      0x618,      0x638,      0x770,      0x774,      0xc0010061, 0xc0010062, 0xc0010063,
    0xc0010064, 0xc0010065, 0xc0010066, 0xc0010067, 0xc0010068, 0xc0010069, 0xc001006a, 0xc001006b,
    0xc0010070, 0xc0010071, 0xc00102b0, 0xc00102b3, 0xc0010299, 0xc001029b,             /* power */
    0x9b,       0x9e,       0xc0010015, 0xc0010111, 0xc0010112, 0xc0010113, 0xc0010116, /* SMM */
    0xc0010114, 0xc0010117, 0xc0010118,                                                 /* SVM */
    0xda0, /* what XRSTORS loads: MSRs of processor trace, power and CET among it */
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

static bool is_own(uint32_t number)
{
    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (number >= own[i].first && number <= own[i].last)
            return true;
    return false;
}

/* Refused, or taken and thrown away: the register is afterwards what it was. */
static void try(uint32_t number, uint64_t value)
{
    struct msr before = {number, 0}, after = {number, 0}, write = {number, value};
    bool readable = attempt(msr_read, &before) < 0;
    tally(MSRS, !readable);
    bool written = attempt(msr_write, &write) < 0;
    tally(MSRS, !written);
    bool again = attempt(msr_read, &after) < 0;
    tally(MSRS, !again);
    if (readable != again || (written && !readable))
        bad("an MSR has come or gone", number, value);
    if (readable && before.value != after.value && number != 0x10)
        bad("an MSR took a write", number, after.value);
}

void attack_all_msrs(void)
{
    static const uint32_t bases[] = {0, 0xc0000000, 0xc0010000};
    for (unsigned i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
        for (uint32_t number = bases[i]; number < bases[i] + RANGE; number++)
            if (!is_own(number))
                try(number, random());
    for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        try(named[i], 0);
        try(named[i], UINT64_MAX);
        for (unsigned bit = 0; bit < 64; bit++)
            try(named[i], 1ull << bit);
    }
}

/* Half of them near what exists. */
static uint32_t random_number(void)
{
    static const uint32_t bases[] = {0, 0xc0000000, 0xc0010000, 0x40000000, 0x4b564d00, 0x80000000};
    uint64_t r = random();
    if ((r & 1) != 0)
        return (uint32_t)(r >> 8);
    return bases[r / 2 % (sizeof(bases) / sizeof(bases[0]))] + (uint32_t)(r >> 8 & 0x3fff);
}

void attack_random_msrs(void)
{
    for (unsigned done = 0; done < RANDOM_MSRS;) {
        uint32_t number = random_number();
        if (is_own(number) || number == 0x4b564d00 || number == 0x4b564d01)
            continue; /* the clock's pages, which the monitor would write */
        try(number, random());
        done++;
    }
}
