/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers that no control block holds: x87 and MMX, XMM, YMM, ZMM, masks, protection keys. Each
 * core fills its own, the VM ends by a triple fault, and its next start looks at what it finds.
 * That this is the second start, and what was counted, is kept in memory that no loader writes.
 */
#include "hostile.h"

#define PLACE        0x1900000ull
#define MAGIC        0x766563746f7273ull
#define PATTERN      0x5aull
#define REPEATED     0x0101010101010101ull
#define CR4_OSXSAVE  (1ull << 18)
#define CPUID_XSAVE  (1u << 26) /* 1 ECX */
#define COMPONENTS   0x2e7u     /* x87, SSE, AVX, the three of AVX-512, PKRU */
#define SSE_ONLY     3u
#define FCW_DEFAULT  0x37fu
#define MXCSR        0x1f80u
#define OTHER_MXCSR  0x9fc0u /* flush to zero, denormals are zeros */
#define REGISTERS    32u     /* where ST0 begins in the area; XMM15 ends before .. */
#define LEGACY_END   416u    /* .. what processors may leave as it is */
#define LEGACY_SIZE  512u
#define HEADER_END   576u
#define AREA_SIZE    4096u
#define CORE_SECONDS 20u

union area {
    struct {
        uint16_t fcw, fsw;
        uint8_t tags, reserved;
        uint16_t opcode;
        uint64_t rip, rdp;
        uint32_t mxcsr, mxcsr_mask;
    };
    uint64_t words[AREA_SIZE / 8];
} __attribute__((aligned(64)));

struct kept {
    uint64_t magic;
    struct tally tallies[KINDS];
};

static union area areas[MAX_CPUS];
static volatile unsigned sizes[MAX_CPUS]; /* of the core's area; 0: not done yet */

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t *r)
{
    __asm__ volatile("cpuid"
                     : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
                     : "a"(leaf), "c"(subleaf));
    tally(CPUIDS, false);
}

/* The components that this core has; all of them enabled. */
static uint32_t enable(void)
{
    uint32_t r[4];
    uint64_t cr4;
    cpuid(1, 0, r);
    if ((r[2] & CPUID_XSAVE) == 0)
        return SSE_ONLY;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
    cpuid(0xd, 0, r);
    uint32_t components = r[0] & COMPONENTS;
    __asm__ volatile("xsetbv" : : "c"(0), "a"(components), "d"(0));
    return components;
}

/* Of the area, with what is enabled; without XSAVE its first part is all. */
static unsigned area_size(uint32_t components)
{
    uint32_t r[4];
    if (components == SSE_ONLY)
        return LEGACY_SIZE;
    cpuid(0xd, 0, r);
    return r[1] < AREA_SIZE ? r[1] : AREA_SIZE;
}

static void load(const union area *area, uint32_t components)
{
    if (components == SSE_ONLY)
        __asm__ volatile("fxrstor %0" : : "m"(*area));
    else
        __asm__ volatile("xrstor %0" : : "m"(*area), "a"(components), "d"(0));
}

static void store(union area *area, uint32_t components)
{
    memset(area, 0, sizeof(*area));
    if (components == SSE_ONLY)
        __asm__ volatile("fxsave %0" : "+m"(*area));
    else
        __asm__ volatile("xsave %0" : "+m"(*area) : "a"(components), "d"(0));
}

/* Is a register in this word? The header is none, nor is what processors leave as it is. */
static bool is_register(unsigned word)
{
    return word >= REGISTERS / 8 && (word < LEGACY_END / 8 || word >= HEADER_END / 8);
}

static unsigned count_pattern(const union area *area, unsigned size)
{
    unsigned found = 0;
    for (unsigned i = 0; i < size / 8; i++)
        found += is_register(i) && area->words[i] == PATTERN * REPEATED;
    return found;
}

/* XMM0-15 at least, whatever else there is. */
static void fill_core(void)
{
    unsigned index = this_cpu()->index;
    union area *area = &areas[index];
    uint32_t components = enable();
    unsigned size = area_size(components);
    memset(area, PATTERN, sizeof(*area));
    area->fcw = FCW_DEFAULT;
    area->fsw = 0;
    area->tags = 0xff;
    area->mxcsr = OTHER_MXCSR;
    memset(&area->words[LEGACY_SIZE / 8], 0, HEADER_END - LEGACY_SIZE);
    area->words[LEGACY_SIZE / 8] = components;
    load(area, components);
    store(area, components);
    unsigned filled = count_pattern(area, size);
    if (area->mxcsr != OTHER_MXCSR || filled < 8 + 2 * 16)
        bad("registers were not filled, core", index, filled);
    print("HOSTILE vectors: core %u, components %x, %u words filled\n", index, components, filled);
    sizes[index] = size;
}

static void look_core(void)
{
    unsigned index = this_cpu()->index;
    union area *area = &areas[index];
    uint32_t components = enable();
    store(area, components);
    sizes[index] = area_size(components);
}

static void judge(unsigned index)
{
    const union area *area = &areas[index];
    if (area->mxcsr != MXCSR)
        bad("MXCSR is left from the last start, core", index, area->mxcsr);
    for (unsigned i = 0; i < sizes[index] / 8; i++)
        if (is_register(i) && area->words[i] != 0)
            bad("a register is left from the last start", i * 8, area->words[i]);
    if (area->fcw != FCW_DEFAULT || area->fsw != 0 || area->tags != 0 || area->rip != 0 ||
        area->rdp != 0)
        bad("x87 is left from the last start, core", index, area->words[0]);
}

static void on_all_cores(void (*job)(void))
{
    for (unsigned i = 0; i < cpu_count; i++)
        sizes[i] = 0;
    job();
    for (unsigned i = 1; i < cpu_count; i++) {
        cpu_run(&cpus[i], job);
        for (unsigned second = 0; sizes[i] == 0 && second < CORE_SECONDS; second++)
            wait_seconds(1);
        if (sizes[i] == 0)
            bad("a core does nothing", i, 0);
    }
}

void attack_vectors(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};
    struct kept *kept = (struct kept *)PLACE;
    on_all_cores(fill_core);
    memcpy(kept->tallies, tallies, sizeof(tallies));
    *(volatile uint64_t *)&kept->magic = MAGIC;
    __asm__ volatile("lidt %0; ud2" : : "m"(none) : "memory");
}

bool vectors_left(void)
{
    struct kept *kept = (struct kept *)PLACE;
    if (kept->magic != MAGIC)
        return false;
    kept->magic = 0;
    on_all_cores(look_core);
    for (unsigned i = 0; i < cpu_count; i++)
        judge(i);
    for (unsigned i = 0; i < KINDS; i++) {
        tallies[i].attempts += kept->tallies[i].attempts;
        tallies[i].refused += kept->tallies[i].refused;
    }
    print("HOSTILE vectors: looked at %u cores\n", cpu_count);
    return true;
}
