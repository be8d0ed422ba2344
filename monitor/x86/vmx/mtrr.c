/* SPDX-License-Identifier: Apache-2.0 */
/* Memory types by the MTRRs (Intel SDM 3, 12.11). Pure: the MSRs are read elsewhere. */
#include "x86/vmx/mtrr.h"

#define DEF_TYPE       0xffu
#define DEF_FE         (1ull << 10)
#define DEF_E          (1ull << 11)
#define MASK_VALID     (1ull << 11)
#define RANGES_PER_MSR 8u
#define FIXED_END      (1ull << 20)
#define NONE           0xffu /* no range covers it */

/* The fixed ranges: from where on MSRs of so many bytes a range follow, and which is the first. */
static const struct {
    uint64_t start, range;
    unsigned first;
} fixed_parts[] = {{0, 64 * KIB, 0}, {0x80000, 16 * KIB, 1}, {0xc0000, 4 * KIB, 3}};

/* The type of the fixed range of ADDRESS, which is below 1 MiB, and where it ends. */
static unsigned fixed_type(const struct mtrr *mtrr, uint64_t address, uint64_t *end)
{
    unsigned part = address < fixed_parts[1].start ? 0 : address < fixed_parts[2].start ? 1 : 2;
    uint64_t range = fixed_parts[part].range;
    unsigned index = (unsigned)((address - fixed_parts[part].start) / range);
    uint64_t msr = mtrr->fixed[fixed_parts[part].first + index / RANGES_PER_MSR];
    *end = (address | (range - 1)) + 1;
    return msr >> 8 * (index % RANGES_PER_MSR) & 0xff;
}

/* What A and B make of an address that both cover (12.11.4.1). */
static unsigned combined_type(unsigned a, unsigned b)
{
    if (a == NONE || a == b)
        return b;
    if ((a == MTRR_WT && b == MTRR_WB) || (a == MTRR_WB && b == MTRR_WT))
        return MTRR_WT;
    return MTRR_UC;
}

static uint64_t address_space(const struct mtrr *mtrr)
{
    return 1ull << mtrr->physical_bits;
}

/*
 * The next address above ADDRESS at which a range of BASE and MASK may begin or end. With ones
 * alone in the mask's upper part it is one block; masks with holes are allowed, too, and make many.
 */
static uint64_t range_next(uint64_t base, uint64_t mask, uint64_t address, uint64_t space)
{
    uint64_t block = mask & -mask;
    if (mask == 0)
        return space;
    if (mask + block != space)
        return (address | (block - 1)) + 1;
    uint64_t start = base & mask;
    if (address < start)
        return start;
    return address < start + block ? start + block : space;
}

/* The type of ADDRESS by the variable ranges, and where another may begin. */
static unsigned variable_type(const struct mtrr *mtrr, uint64_t address, uint64_t *end)
{
    uint64_t space = address_space(mtrr);
    unsigned type = NONE;
    *end = space;
    for (unsigned i = 0; i < mtrr->variables; i++) {
        uint64_t mask = mtrr->variable[i].mask & (space - PAGE_SIZE);
        if ((mtrr->variable[i].mask & MASK_VALID) == 0)
            continue;
        if (((address ^ mtrr->variable[i].base) & mask) == 0)
            type = combined_type(type, mtrr->variable[i].base & 0xff);
        uint64_t next = range_next(mtrr->variable[i].base, mask, address, space);
        if (next < *end)
            *end = next;
    }
    return type == NONE ? mtrr->def_type & DEF_TYPE : type;
}

/* The type of ADDRESS, and the first address above it that may have another. */
static unsigned type_at(const struct mtrr *mtrr, uint64_t address, uint64_t *end)
{
    *end = UINT64_MAX;
    if ((mtrr->def_type & DEF_E) == 0)
        return MTRR_UC;
    if (address >= address_space(mtrr))
        return mtrr->def_type & DEF_TYPE;
    if (address < FIXED_END && (mtrr->def_type & DEF_FE) != 0)
        return fixed_type(mtrr, address, end);
    return variable_type(mtrr, address, end);
}

uint64_t mtrr_type_run(const struct mtrr *mtrr, uint64_t address, uint64_t size, unsigned *type)
{
    uint64_t end;
    uint64_t next;
    *type = type_at(mtrr, address, &end);
    while (end - address < size && type_at(mtrr, end, &next) == *type)
        end = next;
    return end - address < size ? end - address : size;
}
