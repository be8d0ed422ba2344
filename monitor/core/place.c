/* SPDX-License-Identifier: Apache-2.0 */
/* Placement: in which order the VMs choose, and which of them must go without. */
#include "core/place_parts.h"

#include "lib/string.h"

struct order {
    unsigned list[MAX_VMS];
    unsigned count;
    uint32_t reserving; /* VMs whose listed cores, if any, the others leave alone, bit by index */
};

/* The less choice a VM has, the sooner it must choose. */
static unsigned choice_of(const struct config_vm *vm)
{
    if (vm->cpu_listed)
        return 0;
    if (vm->service)
        return 1; /* it wants core 0 and the lowest memory */
    return vm->node != CONFIG_NODE_ANY ? 2 : 3;
}

/* The VM's share of the machine in thousandths, of cores or of memory, whichever is more. */
static uint64_t share_of(const struct machine *machine, const struct config_vm *vm)
{
    uint64_t memory = 0;
    for (unsigned i = 0; i < machine->ram_count; i++)
        memory += machine->ram[i].size;
    uint64_t of_memory = vm->memory / (memory / 1000 + 1);
    uint64_t of_cores = vm->cpu_count * 1000ull / (machine->cpu_count + 1);
    return of_memory > of_cores ? of_memory : of_cores;
}

static bool chooses_before(const struct place_work *work, unsigned a, unsigned b)
{
    const struct config_vm *vms = work->config->vms;
    if (choice_of(&vms[a]) != choice_of(&vms[b]))
        return choice_of(&vms[a]) < choice_of(&vms[b]);
    uint64_t share_a = share_of(work->machine, &vms[a]);
    uint64_t share_b = share_of(work->machine, &vms[b]);
    return share_a != share_b ? share_a > share_b : a < b;
}

/* The VMs of ORDER so that they pack best. */
static struct order sort_order(const struct place_work *work, const struct order *order)
{
    struct order sorted = {0};
    for (unsigned i = 0; i < order->count; i++) {
        unsigned vm = order->list[i];
        unsigned at = sorted.count++;
        for (; at > 0 && chooses_before(work, vm, sorted.list[at - 1]); at--)
            sorted.list[at] = sorted.list[at - 1];
        sorted.list[at] = vm;
        sorted.reserving |= 1u << vm;
    }
    return sorted;
}

/* Take back from the VMs of ORDER what they have. */
static void clear_order(struct place_work *work, const struct order *order)
{
    for (unsigned i = 0; i < order->count; i++)
        memset(&work->plan->vms[order->list[i]], 0, sizeof(struct placement));
}

/* Place the VMs of ORDER one after the other; false at the first that finds no room. */
static bool try_order(struct place_work *work, const struct order *order)
{
    clear_order(work, order);
    work->reserving = order->reserving;
    for (unsigned i = 0; i < order->count; i++) {
        place_begin(work, order->list[i]);
        if (!place_vm(work))
            return false;
    }
    return true;
}

/* The VMs that can be built: the service VM, then the others as in the file. */
static struct order list_vms(struct place_work *work)
{
    const struct config *config = work->config;
    struct order order = {0};
    if (config->service >= 0 && !config->vms[config->service].spoilt)
        order.list[order.count++] = (unsigned)config->service;
    for (unsigned vm = 0; vm < config->vm_count; vm++) {
        place_begin(work, vm);
        if (work->wanted->spoilt)
            place_fail(work, work->wanted->at, "its configuration has an error; correct it");
        else if ((int)vm != config->service)
            order.list[order.count++] = vm;
    }
    return order;
}

/*
 * Place VM besides those of PLACED, and add it there; if it finds no room, it has its reason, and
 * the others are where they were without it. The order that packs best may fail where choosing
 * last succeeds, and leaving the listed cores of the last alone may fail where it gets them anyway.
 */
static void place_one_more(struct place_work *work, struct order *placed, unsigned vm)
{
    struct order last = *placed;
    last.list[last.count++] = vm;
    struct order sorted = sort_order(work, &last);
    struct order reserving = last;
    reserving.reserving |= 1u << vm;
    if (try_order(work, &sorted))
        *placed = sorted;
    else if (try_order(work, &reserving))
        *placed = reserving;
    else if (work->plan->vms[vm].reason[0] == '\0' && try_order(work, &last))
        *placed = last;
    else
        try_order(work, placed);
}

bool place_add(const struct machine *machine, const struct config *config, struct place_plan *plan,
               unsigned index)
{
    struct place_work work = {.machine = machine, .config = config, .plan = plan};
    memset(&plan->vms[index], 0, sizeof(plan->vms[index]));
    place_begin(&work, index);
    return place_vm(&work);
}

unsigned place_vms(const struct machine *machine, const struct config *config,
                   struct place_plan *plan)
{
    struct place_work work = {.machine = machine, .config = config, .plan = plan};
    memset(plan, 0, sizeof(*plan));
    struct order wanted = list_vms(&work);
    struct order sorted = sort_order(&work, &wanted);
    if (!try_order(&work, &sorted)) {
        struct order placed = {0};
        clear_order(&work, &wanted);
        for (unsigned i = 0; i < wanted.count; i++)
            place_one_more(&work, &placed, wanted.list[i]);
    }
    unsigned count = 0;
    for (unsigned vm = 0; vm < config->vm_count; vm++)
        count += plan->vms[vm].placed ? 1u : 0u;
    return count;
}
