/* SPDX-License-Identifier: Apache-2.0 */
/* Placement: memory. Free memory is what the machine has and no VM of the plan does. */
#include "core/place_parts.h"

#define LOW_MEGABYTE   MIB
#define HIGH_MEMORY    (4 * GIB)
#define SERVICE_GROWTH 8 /* the factor by which the least piece of the service VM grows */

/* A free stretch of one node's memory. */
struct piece {
    uint64_t base;
    uint64_t end;
    uint32_t node;
};

/* Move BASE behind the extents of the plan that cover it. */
static uint64_t skip_taken(const struct place_plan *plan, uint64_t base)
{
    for (unsigned vm = 0; vm < MAX_VMS; vm++) {
        const struct placement *placement = &plan->vms[vm];
        for (unsigned i = 0; i < placement->extent_count; i++) {
            const struct place_extent *extent = &placement->extents[i];
            if (extent->hpa.v <= base && base - extent->hpa.v < extent->size)
                return extent->hpa.v + extent->size;
        }
    }
    return base;
}

/* The first byte in BASE..END that an extent of the plan has; END if there is none. */
static uint64_t find_taken(const struct place_plan *plan, uint64_t base, uint64_t end)
{
    for (unsigned vm = 0; vm < MAX_VMS; vm++) {
        const struct placement *placement = &plan->vms[vm];
        for (unsigned i = 0; i < placement->extent_count; i++) {
            uint64_t taken = placement->extents[i].hpa.v;
            if (taken >= base && taken < end)
                end = taken;
        }
    }
    return end;
}

/* A walk over the free pieces of a machine, upwards. */
struct walk {
    const struct machine *machine;
    const struct place_plan *plan;
    uint64_t next; /* everything below has been seen */
};

/* The next free piece, which ends where the node does; false if there is none. */
static bool next_piece(struct walk *walk, struct piece *piece)
{
    const struct machine *machine = walk->machine;
    for (unsigned i = 0; i < machine->ram_count; i++) {
        const struct machine_range *range = &machine->ram[i];
        uint64_t end = range->base.v + range->size;
        /* The firmware may cut memory where nothing changes. */
        while (i + 1 < machine->ram_count && machine->ram[i + 1].base.v == end &&
               machine->ram[i + 1].node == range->node)
            end += machine->ram[++i].size;
        uint64_t base = walk->next > range->base.v ? walk->next : range->base.v;
        for (uint64_t free; base < end && (free = skip_taken(walk->plan, base)) != base;)
            base = free;
        if (base >= end)
            continue;
        *piece = (struct piece){base, find_taken(walk->plan, base, end), range->node};
        walk->next = piece->end;
        return true;
    }
    return false;
}

/* The same in whole large pages above the low megabyte, for VMs other than the service VM. */
static bool next_large_piece(struct walk *walk, struct piece *piece)
{
    while (next_piece(walk, piece)) {
        uint64_t base = piece->base < LOW_MEGABYTE ? LOW_MEGABYTE : piece->base;
        piece->base = align_up(base, LARGE_PAGE);
        piece->end = align_down(piece->end, LARGE_PAGE);
        if (piece->base < piece->end)
            return true;
    }
    return false;
}

static bool add_extent(struct place_work *work, unsigned vm, const struct place_extent *extent)
{
    struct placement *placement = &work->plan->vms[vm];
    struct place_extent *last = placement->extents + placement->extent_count - 1;
    if (placement->extent_count > 0 && last->node == extent->node &&
        last->hpa.v + last->size == extent->hpa.v && last->gpa.v + last->size == extent->gpa.v) {
        last->size += extent->size;
        return true;
    }
    if (placement->extent_count == PLACE_EXTENTS_MAX)
        return false;
    placement->extents[placement->extent_count++] = *extent;
    return true;
}

/* How well a place suits: the more, the better. */
enum suit {
    SUIT_PART,     /* not all fits; the longest piece is best */
    SUIT_LOW,      /* all fits, below 4 GiB, where the service VM's devices need memory */
    SUIT_LOW_HUGE, /* ... and pages of 1 GiB can map it */
    SUIT_HIGH,     /* all fits, above 4 GiB */
    SUIT_HIGH_HUGE,
};

struct choice {
    enum suit suit;
    struct place_extent extent;
};

/* The best place in PIECE for the SIZE bytes that a VM wants at GPA: as high as possible. */
static struct choice look_at_piece(const struct piece *piece, uint64_t gpa, uint64_t size)
{
    struct choice choice = {SUIT_PART,
                            {{piece->base}, {gpa}, piece->end - piece->base, piece->node}};
    if (choice.extent.size < size)
        return choice;
    uint64_t base = piece->end - size;
    choice.suit = base >= HIGH_MEMORY ? SUIT_HIGH : SUIT_LOW;
    uint64_t huge = base - ((base - gpa) & (HUGE_PAGE - 1));
    bool same_side = (huge >= HIGH_MEMORY) == (base >= HIGH_MEMORY);
    if (size >= HUGE_PAGE && huge <= base && huge >= piece->base && same_side) {
        choice.suit = choice.suit == SUIT_HIGH ? SUIT_HIGH_HUGE : SUIT_LOW_HUGE;
        base = huge;
    }
    choice.extent.hpa.v = base;
    choice.extent.size = size;
    return choice;
}

static bool is_better(const struct choice *a, const struct choice *b)
{
    if (a->suit != b->suit)
        return a->suit > b->suit;
    if (a->suit == SUIT_PART && a->extent.size != b->extent.size)
        return a->extent.size > b->extent.size;
    return a->extent.hpa.v > b->extent.hpa.v;
}

/* The best place of NODE for SIZE bytes at GPA, or for a part of them; size 0 if nothing is left.
 */
static struct place_extent choose_extent(const struct place_work *work, uint32_t node, uint64_t gpa,
                                         uint64_t size)
{
    struct choice best = {0};
    struct walk walk = {work->machine, work->plan, 0};
    struct piece piece;
    while (next_large_piece(&walk, &piece)) {
        if (piece.node != node)
            continue;
        struct choice choice = look_at_piece(&piece, gpa, size);
        if (best.extent.size == 0 || is_better(&choice, &best))
            best = choice;
    }
    return best.extent;
}

/* Memory for SIZE bytes from GPA on. */
static bool fill(struct place_work *work, unsigned vm, const struct place_nodes *nodes,
                 uint64_t gpa, uint64_t size)
{
    for (unsigned i = 0; i < nodes->count && size > 0;) {
        struct place_extent extent = choose_extent(work, nodes->list[i], gpa, size);
        if (extent.size == 0) {
            i++;
            continue;
        }
        if (!add_extent(work, vm, &extent))
            return false;
        gpa += extent.size;
        size -= extent.size;
    }
    return size == 0;
}

bool place_memory_any(struct place_work *work, unsigned vm, const struct place_nodes *nodes)
{
    uint64_t memory = work->config->vms[vm].memory;
    uint64_t low = memory < PLACE_LOW_RAM_MAX ? memory : PLACE_LOW_RAM_MAX;
    bool filled = fill(work, vm, nodes, 0, low) && fill(work, vm, nodes, 4 * GIB, memory - low);
    if (!filled)
        work->plan->vms[vm].extent_count = 0;
    return filled;
}

/* Take the lowest addresses, leaving out pieces above the low megabyte smaller than LEAST. */
static bool fill_service(struct place_work *work, unsigned vm, uint32_t node, uint64_t least)
{
    uint64_t rest = work->config->vms[vm].memory;
    struct walk walk = {work->machine, work->plan, 0};
    struct piece piece;
    while (rest > 0 && next_piece(&walk, &piece)) {
        if (piece.base < LOW_MEGABYTE && piece.end > LOW_MEGABYTE)
            walk.next = piece.end = LOW_MEGABYTE;
        uint64_t size = piece.end - piece.base;
        bool suits = size >= least && (node == CONFIG_NODE_ANY || piece.node == node);
        if (piece.base >= LOW_MEGABYTE && !suits)
            continue;
        size = size < rest ? size : rest;
        struct place_extent extent = {{piece.base}, {piece.base}, size, piece.node};
        if (!add_extent(work, vm, &extent))
            return false;
        rest -= size;
    }
    return rest == 0;
}

bool place_memory_service(struct place_work *work, unsigned vm, uint32_t node)
{
    /* Crumbs are left out only if there are too many of them to keep account of. */
    for (uint64_t least = PAGE_SIZE; least <= HUGE_PAGE; least *= SERVICE_GROWTH) {
        if (fill_service(work, vm, node, least))
            return true;
        work->plan->vms[vm].extent_count = 0;
    }
    return false;
}

static uint64_t count_taken(const struct place_plan *plan, uint32_t node)
{
    uint64_t taken = 0;
    for (unsigned vm = 0; vm < MAX_VMS; vm++)
        for (unsigned i = 0; i < plan->vms[vm].extent_count; i++)
            if (node == CONFIG_NODE_ANY || plan->vms[vm].extents[i].node == node)
                taken += plan->vms[vm].extents[i].size;
    return taken;
}

struct place_memory place_memory_count(const struct machine *machine, const struct place_plan *plan,
                                       uint32_t node)
{
    struct place_memory memory = {0};
    struct walk walk = {machine, plan, 0};
    struct piece piece;
    while (next_large_piece(&walk, &piece)) {
        if (node != CONFIG_NODE_ANY && piece.node != node)
            continue;
        uint64_t size = piece.end - piece.base;
        memory.free += size;
        memory.largest = size > memory.largest ? size : memory.largest;
    }
    memory.total = memory.free + count_taken(plan, node);
    return memory;
}
