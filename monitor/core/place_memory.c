/* SPDX-License-Identifier: Apache-2.0 */
/* Placement: memory. Free memory is what the machine has and no VM of the plan does. */
#include "core/place_parts.h"

#include "lib/fmt.h"

#define LOW_MEGABYTE   MIB
#define HIGH_MEMORY    (4 * GIB)
#define SERVICE_GROWTH 8 /* the factor by which the least piece of the service VM grows */

/* The lowest extent of the plan that ends above BASE; one behind all memory if there is none. */
static struct place_extent next_extent(const struct place_plan *plan, uint64_t base)
{
    struct place_extent next = {.hpa = {UINT64_MAX}};
    for (unsigned vm = 0; vm <= 2 * MAX_VMS; vm++) {
        const struct placement *owner = vm < MAX_VMS       ? &plan->vms[vm]
                                        : vm < 2 * MAX_VMS ? &plan->more[vm - MAX_VMS]
                                                           : &plan->kept;
        for (unsigned i = 0; i < owner->extent_count; i++) {
            const struct place_extent *extent = &owner->extents[i];
            if (extent->hpa.v + extent->size > base && extent->hpa.v < next.hpa.v)
                next = *extent;
        }
    }
    return next;
}

/* A walk over the free memory of a machine, upwards. */
struct walk {
    const struct machine *machine;
    const struct place_plan *plan;
    uint64_t next; /* everything below has been seen */
    uint64_t unit; /* of whole pages of this size */
};

/* The next free piece, which ends where the node does; its gpa is its hpa. False if none is left.
 */
static bool next_piece(struct walk *walk, struct place_extent *piece)
{
    const struct machine *machine = walk->machine;
    for (unsigned i = 0; i < machine->ram_count; i++) {
        const struct machine_range *range = &machine->ram[i];
        uint64_t end = range->base.v + range->size;
        /* The firmware may cut memory where nothing changes. */
        while (i + 1 < machine->ram_count && machine->ram[i + 1].base.v == end &&
               machine->ram[i + 1].node == range->node)
            end += machine->ram[++i].size;
        walk->next = walk->next > range->base.v ? walk->next : range->base.v;
        while (walk->next < end) {
            struct place_extent taken = next_extent(walk->plan, walk->next);
            uint64_t base = align_up(walk->next, walk->unit);
            uint64_t stop = taken.hpa.v < end ? taken.hpa.v : end;
            walk->next = stop > walk->next ? stop : taken.hpa.v + taken.size;
            stop = align_down(stop, walk->unit);
            *piece = (struct place_extent){{base}, {base}, stop - base, range->node};
            if (stop > base)
                return true;
        }
    }
    return false;
}

/* A walk for VMs other than the service VM. */
static struct walk walk_large_pages(const struct machine *machine, const struct place_plan *plan)
{
    return (struct walk){machine, plan, LOW_MEGABYTE, LARGE_PAGE};
}

static bool add_extent(struct placement *placement, const struct place_extent *extent)
{
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

/* The best place in PIECE for the SIZE bytes that a VM wants at GPA: as high as possible. */
static struct place_extent cut_piece(struct place_extent piece, uint64_t gpa, uint64_t size)
{
    uint64_t lowest = piece.hpa.v;
    piece.gpa.v = gpa;
    if (piece.size < size)
        return piece;
    uint64_t base = lowest + piece.size - size;
    uint64_t huge = base - ((base - gpa) & (HUGE_PAGE - 1));
    bool same_side = (huge >= HIGH_MEMORY) == (base >= HIGH_MEMORY);
    bool fits = size >= HUGE_PAGE && huge <= base && huge >= lowest && same_side;
    piece.hpa.v = fits ? huge : base;
    piece.size = size;
    return piece;
}

/*
 * How well a place suits for SIZE bytes: best if all fits, above 4 GiB, since the service VM's
 * devices need memory below, and pages of 1 GiB can map it.
 */
static unsigned suit_of(const struct place_extent *extent, uint64_t size)
{
    if (extent->size < size)
        return 0;
    bool huge = size >= HUGE_PAGE && (extent->hpa.v - extent->gpa.v) % HUGE_PAGE == 0;
    return (extent->hpa.v >= HIGH_MEMORY ? 3u : 1u) + (huge ? 1u : 0u);
}

/* The best place of NODE for SIZE bytes at GPA, or for a part of them; size 0 if nothing is left.
 */
static struct place_extent choose_extent(const struct place_work *work, uint32_t node, uint64_t gpa,
                                         uint64_t size)
{
    struct place_extent best = {0};
    struct walk walk = walk_large_pages(work->machine, work->plan);
    struct place_extent piece;
    while (next_piece(&walk, &piece)) {
        piece = cut_piece(piece, gpa, size);
        unsigned suit = suit_of(&piece, size);
        unsigned best_suit = suit_of(&best, size);
        /* The longest part, and of the same length the highest, which comes last. */
        if (piece.node == node &&
            (suit > best_suit || (suit == best_suit && piece.size >= best.size)))
            best = piece;
    }
    return best;
}

/* Memory for SIZE bytes from GPA on. */
static bool fill(struct place_work *work, const struct place_nodes *nodes, uint64_t gpa,
                 uint64_t size)
{
    for (unsigned i = 0; i < nodes->count && size > 0;) {
        struct place_extent extent = choose_extent(work, nodes->list[i], gpa, size);
        if (extent.size == 0) {
            i++;
            continue;
        }
        if (!add_extent(work->given, &extent))
            return false;
        gpa += extent.size;
        size -= extent.size;
    }
    return size == 0;
}

static bool fill_any(struct place_work *work, const struct place_nodes *nodes)
{
    uint64_t memory = work->wanted->memory;
    uint64_t low = memory < PLACE_LOW_RAM_MAX ? memory : PLACE_LOW_RAM_MAX;
    return fill(work, nodes, 0, low) && fill(work, nodes, HIGH_MEMORY, memory - low);
}

/* Take the lowest addresses, leaving out pieces above the low megabyte smaller than LEAST. */
static bool fill_lowest(struct place_work *work, uint64_t least)
{
    uint64_t rest = work->wanted->memory;
    struct walk walk = {work->machine, work->plan, 0, PAGE_SIZE};
    struct place_extent piece;
    while (rest > 0 && next_piece(&walk, &piece)) {
        bool low = piece.hpa.v < LOW_MEGABYTE;
        if (low && piece.hpa.v + piece.size > LOW_MEGABYTE) {
            walk.next = LOW_MEGABYTE;
            piece.size = LOW_MEGABYTE - piece.hpa.v;
        }
        if (!low && (piece.size < least || !place_is_on(piece.node, work->wanted->node)))
            continue;
        piece.size = piece.size < rest ? piece.size : rest;
        if (!add_extent(work->given, &piece))
            return false;
        rest -= piece.size;
    }
    return rest == 0;
}

static bool fill_service(struct place_work *work)
{
    /* Crumbs are left out only if there are too many of them to keep account of. */
    for (uint64_t least = PAGE_SIZE; least <= HUGE_PAGE; least *= SERVICE_GROWTH) {
        work->given->extent_count = 0;
        if (fill_lowest(work, least))
            return true;
    }
    return false;
}

static uint64_t size_on(const struct placement *placement, uint32_t node)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < placement->extent_count; i++)
        if (place_is_on(placement->extents[i].node, node))
            size += placement->extents[i].size;
    return size;
}

struct place_memory place_memory_count(const struct machine *machine, const struct place_plan *plan,
                                       uint32_t node)
{
    struct place_memory memory = {0};
    struct walk walk = walk_large_pages(machine, plan);
    struct place_extent piece;
    while (next_piece(&walk, &piece)) {
        if (!place_is_on(piece.node, node))
            continue;
        memory.free += piece.size;
        memory.largest = piece.size > memory.largest ? piece.size : memory.largest;
    }
    memory.total = memory.free;
    for (unsigned vm = 0; vm < MAX_VMS; vm++)
        memory.total += size_on(&plan->vms[vm], node) + size_on(&plan->more[vm], node);
    return memory;
}

bool place_find(const struct machine *machine, const struct place_plan *plan, uint64_t size,
                hpa_t *base)
{
    struct walk walk = walk_large_pages(machine, plan);
    struct place_extent piece;
    while (next_piece(&walk, &piece)) {
        if (piece.size < size)
            continue;
        base->v = piece.hpa.v + piece.size - size;
        return true;
    }
    return false;
}

bool place_is_free(const struct machine *machine, const struct place_plan *plan,
                   struct place_extent *extent)
{
    struct walk walk = walk_large_pages(machine, plan);
    struct place_extent piece;
    while (next_piece(&walk, &piece)) {
        uint64_t offset = extent->hpa.v - piece.hpa.v;
        extent->node = piece.node;
        if (offset < piece.size && extent->size <= piece.size - offset)
            return true;
    }
    return false;
}

bool place_more(const struct machine *machine, struct place_plan *plan, unsigned index,
                uint32_t node, uint64_t size, struct place_extent *extent)
{
    struct place_work work = {.machine = machine, .plan = plan};
    uint32_t home = node != CONFIG_NODE_ANY ? node : plan->vms[index].node;
    *extent = choose_extent(&work, home, 0, size);
    for (uint32_t i = 0; extent->size == 0 && node == CONFIG_NODE_ANY && i < machine->node_count;
         i++)
        *extent = choose_extent(&work, i, 0, size);
    extent->gpa.v = extent->hpa.v;
    if (extent->size == 0 || !place_memory_put(&plan->more[index], extent))
        return false;
    place_memory_join(&plan->more[index]);
    return true;
}

void place_memory_join(struct placement *placement)
{
    unsigned count = placement->extent_count;
    placement->extent_count = 0;
    for (unsigned i = 0; i < count; i++) {
        struct place_extent extent = placement->extents[i];
        add_extent(placement, &extent);
    }
}

bool place_memory_put(struct placement *placement, const struct place_extent *extent)
{
    unsigned at = placement->extent_count;
    if (at == PLACE_EXTENTS_MAX)
        return false;
    for (; at > 0 && placement->extents[at - 1].gpa.v > extent->gpa.v; at--)
        placement->extents[at] = placement->extents[at - 1];
    placement->extents[at] = *extent;
    placement->extent_count++;
    return true;
}

bool place_memory_cut(struct placement *placement, hpa_t base, uint64_t size)
{
    for (unsigned i = 0; i < placement->extent_count; i++) {
        struct place_extent *extent = &placement->extents[i];
        uint64_t offset = base.v - extent->hpa.v;
        if (base.v < extent->hpa.v || offset >= extent->size || size > extent->size - offset)
            continue;
        struct place_extent rest = *extent;
        rest.hpa.v += offset + size;
        rest.gpa.v += offset + size;
        rest.size -= offset + size;
        if (offset > 0 && rest.size > 0 && !place_memory_put(placement, &rest))
            return false;
        if (offset > 0) {
            placement->extents[i].size = offset;
        } else if (rest.size > 0) {
            placement->extents[i] = rest;
        } else {
            for (placement->extent_count--; i < placement->extent_count; i++)
                placement->extents[i] = placement->extents[i + 1];
        }
        return true;
    }
    return false;
}

static bool fail_memory(struct place_work *work)
{
    const struct config_vm *wanted = work->wanted;
    struct config_position at = wanted->memory_at;
    struct place_memory memory = place_memory_count(work->machine, work->plan, wanted->node);
    char node[24], size[24], left[24], largest[24], pieces[48] = "";
    place_node_text(node, sizeof(node), wanted->node);
    fmt_size(size, sizeof(size), wanted->memory);
    fmt_size(left, sizeof(left), memory.free);
    fmt_size(largest, sizeof(largest), memory.largest);
    const char *other = wanted->node != CONFIG_NODE_ANY ? ", or node any" : "";
    if (memory.free < CONFIG_MEMORY_MIN)
        return place_fail(work, at,
                          "memory %s: none is left%s; write less \"memory\" in other VMs%s", size,
                          node, other);
    if (memory.free >= wanted->memory)
        return place_fail(work, at,
                          "memory %s would be in more than %u pieces%s; write at most %s%s", size,
                          PLACE_EXTENTS_MAX, node, largest, other);
    if (memory.largest < memory.free)
        fmt_text(pieces, sizeof(pieces), " (largest free piece: %s)", largest);
    return place_fail(work, at, "memory %s is more than the %s left%s%s; write at most %s%s", size,
                      left, node, pieces, left, other);
}

bool place_memory(struct place_work *work, const struct place_nodes *nodes)
{
    if (work->wanted->service ? fill_service(work) : fill_any(work, nodes))
        return true;
    work->given->extent_count = 0;
    return fail_memory(work);
}
