/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each page of the machine's RAM, and the first TiB in steps of 2 MiB: read, written, executed.
 * What is this VM's own works; all else must read as ones, take nothing and execute nothing.
 */
#include "hostile.h"

#define PAGE    4096ull
#define LARGE   (2ull << 20)
#define LOW_END (16ull << 30) /* below: every 2 MiB, always */
#define TIB     (1ull << 40)
#define SPARSE  64u
#define MARK    0x7765727465657368ull

extern const uint8_t start32[], guest_end[];

static struct {
    uint64_t foreign, own, reads, sum;
} swept;

static void load(void *argument)
{
    uint64_t *access = argument;
    access[1] = *(volatile uint64_t *)access[0];
}

static void store(void *argument)
{
    const uint64_t *access = argument;
    *(volatile uint64_t *)access[0] = access[1];
}

static void execute(void *argument)
{
    call_at(*(const uint64_t *)argument);
}

static void touch_foreign(uint64_t at)
{
    uint64_t access[2] = {at, MARK};
    swept.foreign++;
    if (attempt(store, access) >= 0)
        bad("a foreign write faults", at, 0);
    tally(MEMORY, true);
    if (attempt(load, access) >= 0)
        bad("a foreign read faults", at, 0);
    tally(MEMORY, true);
    swept.reads++;
    swept.sum += access[1];
    if (access[1] != UINT64_MAX)
        bad("read foreign data", at, access[1]);
    int vector = attempt(execute, access);
    tally(MEMORY, true);
    if (vector != VECTOR_UD)
        bad("executed foreign code", at, (uint64_t)(int64_t)vector);
}

/* Its own: what is written is there; what was there comes back. Not where this code runs. */
static void touch_own(uint64_t at)
{
    volatile uint64_t *word = (volatile uint64_t *)at;
    swept.own++;
    if (at < (uint64_t)guest_end && at + PAGE > (uint64_t)start32)
        return;
    uint64_t before = __atomic_fetch_xor(word, MARK, __ATOMIC_SEQ_CST);
    uint64_t after = __atomic_fetch_xor(word, MARK, __ATOMIC_SEQ_CST);
    if (after != (before ^ MARK))
        bad("its own memory is not there", at, after);
}

static void touch(uint64_t at)
{
    if (memory_is_own(at))
        touch_own(at);
    else
        touch_foreign(at + at / PAGE % (PAGE / 8) * 8); /* not always the page's first word */
}

static void report(void)
{
    print("HOSTILE swept: foreign %lu own %lu, %lu reads with sum %lx\n", swept.foreign, swept.own,
          swept.reads, swept.sum);
    if (swept.sum != 0 - swept.reads)
        bad("the sum of what was read is not that of ones", swept.reads, swept.sum);
}

static void sweep(uint64_t from, uint64_t to, uint64_t step)
{
    for (uint64_t at = from; at < to; at += step)
        touch(at);
}

/* The test says from where to where, in MiB, and how many pages lie between two. */
void attack_ram(void)
{
    uint64_t first = option_number("first") << 20, end = option_number("ram") << 20;
    swept = (typeof(swept)){0};
    sweep(first, end, PAGE * option_number("every"));
    report();
}

void attack_tib_sample(void)
{
    swept = (typeof(swept)){0};
    sweep(0, LOW_END, LARGE);
    sweep(LOW_END, TIB, LARGE * SPARSE);
    report();
}

void attack_tib(void)
{
    swept = (typeof(swept)){0};
    sweep(0, TIB, LARGE);
    report();
}
