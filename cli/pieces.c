/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's memory, each piece with its owner. */
#include "pieces.h"

#include <stdio.h>
#include <string.h>

static bool add(struct pieces *pieces, uint64_t base, uint64_t size, uint64_t node,
                const char *owner)
{
    if (size == 0)
        return true;
    if (pieces->count == PIECES_MAX || node >= MAX_NODES || size > CONFIG_MEMORY_MAX ||
        base > UINT64_MAX - CONFIG_MEMORY_MAX || (base | size) % PAGE_SIZE != 0)
        return false;
    unsigned at = pieces->count++;
    for (; at > 0 && pieces->list[at - 1].base > base; at--)
        pieces->list[at] = pieces->list[at - 1];
    pieces->list[at].base = base;
    pieces->list[at].size = size;
    pieces->list[at].node = (uint32_t)node;
    snprintf(pieces->list[at].owner, CONFIG_NAME_MAX, "%s", owner);
    return true;
}

/* Add what nobody has of the RAM from BASE to END. */
static bool add_rest(struct pieces *pieces, uint64_t base, uint64_t end, uint64_t node)
{
    for (unsigned i = 0; i < pieces->count && base < end; i++) {
        uint64_t taken = pieces->list[i].base, after = taken + pieces->list[i].size;
        if (after <= base || taken >= end)
            continue;
        if (taken > base && !add(pieces, base, taken - base, node, POOL))
            return false;
        i += taken > base ? 1 : 0; /* it stands before this one */
        base = after;
    }
    return base >= end || add(pieces, base, end - base, node, POOL);
}

bool pieces_read(struct pieces *pieces, const struct records *machine)
{
    const struct record *record = NULL;
    pieces->count = 0;
    while ((record = records_next(machine, "memory", record)) != NULL)
        if (!add(pieces, record_number(record, "base"), record_number(record, "size"),
                 record_number(record, "node"), record_text(record, "owner")))
            return false;
    for (unsigned i = 1; i < pieces->count; i++)
        if (pieces->list[i - 1].base + pieces->list[i - 1].size > pieces->list[i].base)
            return false;
    while ((record = records_next(machine, "ram", record)) != NULL) {
        uint64_t base = record_number(record, "base"), size = record_number(record, "size");
        if (size > CONFIG_MEMORY_MAX || base > UINT64_MAX - CONFIG_MEMORY_MAX ||
            !add_rest(pieces, base, base + size, record_number(record, "node")))
            return false;
    }
    return true;
}

bool pieces_hold(const struct pieces *pieces, const char *owner, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < pieces->count && first < last; i++) {
        uint64_t base = pieces->list[i].base, end = base + pieces->list[i].size;
        if (strcmp(pieces->list[i].owner, owner) == 0 && base <= first && first < end)
            first = end;
    }
    return first >= last;
}
