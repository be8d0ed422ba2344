/* SPDX-License-Identifier: Apache-2.0 */
/* Placement: cores. SMT siblings go to one VM unless both VMs allow sharing. */
#include "core/place_parts.h"

#include "lib/fmt.h"

#define NOBODY  MAX_VMS
#define NO_CORE MAX_CPUS

/* The VM that has CPU, or that is of the set RESERVING and lists it. */
static unsigned core_owner(const struct place_work *work, uint32_t reserving, cpu_id_t cpu)
{
    for (unsigned vm = 0; vm < work->config->vm_count; vm++)
        if (cpu_set_has(&work->plan->vms[vm].cpus, cpu) ||
            ((reserving & 1u << vm) != 0 && cpu_set_has(&work->config->vms[vm].cpu_list, cpu)))
            return vm;
    return NOBODY;
}

static bool may_share(const struct place_work *work, unsigned owner)
{
    return owner == NOBODY || owner == work->vm ||
           (work->config->vms[owner].allow_smt_sharing && work->wanted->allow_smt_sharing);
}

/*
 * What keeps the VM from CPU: that core, which has an owner, or a sibling whose owner doesn't share
 * with the VM. NO_CORE if nothing does.
 */
static cpu_id_t find_rival(const struct place_work *work, uint32_t reserving, cpu_id_t cpu)
{
    const struct machine *machine = work->machine;
    if (core_owner(work, reserving, cpu) != NOBODY || cpu_set_has(&work->plan->kept.cpus, cpu))
        return cpu;
    for (cpu_id_t other = 0; other < machine->cpu_count; other++)
        if (machine->cpus[other].core_id == machine->cpus[cpu].core_id &&
            !may_share(work, core_owner(work, reserving, other)))
            return other;
    return NO_CORE;
}

static bool is_usable(const struct place_work *work, cpu_id_t cpu)
{
    return find_rival(work, work->reserving, cpu) == NO_CORE;
}

unsigned place_cores_count(const struct place_work *work, uint32_t node)
{
    unsigned count = 0;
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++)
        if (place_is_on(work->machine->cpus[cpu].node, node) && is_usable(work, cpu))
            count++;
    return count;
}

static bool fail_cores(struct place_work *work)
{
    uint32_t wanted_node = work->wanted->node;
    unsigned left = place_cores_count(work, wanted_node);
    unsigned siblings = 0; /* that nobody has, but that are of no use */
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++)
        if (place_is_on(work->machine->cpus[cpu].node, wanted_node) && !is_usable(work, cpu) &&
            core_owner(work, work->reserving, cpu) == NOBODY)
            siblings++;
    char node[24], lost[80] = "", advice[80] = "write fewer \"cpus\" in other VMs";
    if (siblings > 0)
        fmt_text(lost, sizeof(lost), " (%u more: SMT siblings of another VM's)", siblings);
    if (left > 0)
        fmt_text(advice, sizeof(advice), "write at most %u", left);
    return place_fail(work, work->wanted->cpus_at, "cpus %u is more than the %u left%s%s; %s%s%s",
                      work->wanted->cpu_count, left,
                      place_node_text(node, sizeof(node), wanted_node), lost, advice,
                      siblings > 0 ? ", or allow-smt-sharing in these VMs" : "",
                      wanted_node != CONFIG_NODE_ANY ? ", or node any" : "");
}

static bool place_listed(struct place_work *work)
{
    struct config_position at = work->wanted->cpus_at;
    unsigned count = work->machine->cpu_count;
    for (cpu_id_t cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (!cpu_set_has(&work->wanted->cpu_list, cpu))
            continue;
        if (cpu >= count)
            return place_fail(work, at, "core %u does not exist; the machine has %u, write 0 to %u",
                              cpu, count, count - 1);
        cpu_id_t rival = find_rival(work, 0, cpu);
        if (rival == NO_CORE)
            continue;
        if (cpu_set_has(&work->plan->kept.cpus, rival))
            return place_fail(work, at, "core %u is on its way from another VM; try again", cpu);
        const char *owner = work->config->vms[core_owner(work, 0, rival)].name;
        if (rival == cpu)
            return place_fail(work, at,
                              "core %u is already vm \"%s\"'s; write another core in \"cpus\"", cpu,
                              owner);
        return place_fail(work, at,
                          "core %u is the SMT sibling of core %u, which vm \"%s\" has; write "
                          "another core in \"cpus\", or allow-smt-sharing in both VMs",
                          cpu, rival, owner);
    }
    work->given->cpus = work->wanted->cpu_list;
    return true;
}

/*
 * How well CPU suits the VM, in want of WANTED cores more: the more, the better. A group of
 * siblings that the VM has begun comes first, so that no thread is lost; then the fullest that fits
 * WANTED; then the smallest of those that don't.
 */
static unsigned suit_of(const struct place_work *work, cpu_id_t cpu, unsigned wanted)
{
    const struct machine_cpu *cpus = work->machine->cpus;
    unsigned threads = 0; /* of the group, that the VM could take */
    bool begun = false;
    /* The firmware's tables, and some drivers, take the service VM's first core for the BSP. */
    if (work->wanted->service && cpu == 0)
        return UINT32_MAX;
    for (cpu_id_t other = 0; other < work->machine->cpu_count; other++) {
        if (cpus[other].core_id != cpus[cpu].core_id)
            continue;
        begun = begun || cpu_set_has(&work->given->cpus, other);
        threads += is_usable(work, other) ? 1u : 0u;
    }
    unsigned suit = (begun ? 3u : 1u) * (2 * MAX_CPUS);
    return threads <= wanted ? suit + threads : suit - threads;
}

/* The core of NODE that the VM, in want of WANTED more, takes next. */
static cpu_id_t choose_core(const struct place_work *work, uint32_t node, unsigned wanted)
{
    cpu_id_t best = NO_CORE;
    unsigned best_suit = 0;
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++) {
        if (work->machine->cpus[cpu].node != node || !is_usable(work, cpu))
            continue;
        unsigned suit = suit_of(work, cpu, wanted);
        best = suit > best_suit ? cpu : best;
        best_suit = suit > best_suit ? suit : best_suit;
    }
    return best;
}

bool place_cores(struct place_work *work, const struct place_nodes *nodes)
{
    struct cpu_set *cpus = &work->given->cpus;
    unsigned wanted = work->wanted->cpu_count;
    if (work->wanted->cpu_listed)
        return place_listed(work);
    for (unsigned i = 0; i < nodes->count && wanted > 0;) {
        cpu_id_t cpu = choose_core(work, nodes->list[i], wanted);
        if (cpu == NO_CORE) {
            i++;
            continue;
        }
        cpu_set_add(cpus, cpu);
        wanted--;
    }
    if (wanted == 0)
        return true;
    *cpus = (struct cpu_set){0};
    return fail_cores(work);
}

/* How near CPU is to what the VM has, and how well it suits; 0: it cannot be had. */
static unsigned suit_more(const struct place_work *work, cpu_id_t cpu)
{
    uint32_t node = work->machine->cpus[cpu].node;
    if (!place_is_on(node, work->wanted->node) || !is_usable(work, cpu))
        return 0;
    uint32_t distance = work->machine->distance[work->given->node][node];
    return (UINT8_MAX + 1u - distance) * (8 * MAX_CPUS) + suit_of(work, cpu, 1);
}

bool place_core(const struct machine *machine, const struct config *config, struct place_plan *plan,
                unsigned index, const struct cpu_set *among, cpu_id_t *core)
{
    struct place_work work = {.machine = machine, .config = config, .plan = plan};
    unsigned best = 0;
    place_begin(&work, index);
    for (cpu_id_t cpu = 0; cpu < machine->cpu_count; cpu++) {
        unsigned suit = among == NULL || cpu_set_has(among, cpu) ? suit_more(&work, cpu) : 0;
        *core = suit > best ? cpu : *core;
        best = suit > best ? suit : best;
    }
    return best > 0;
}

/* How likely the VM is to get CPU while it runs; 0: never. */
static unsigned chance_of(const struct place_work *work, cpu_id_t cpu)
{
    const struct place_plan *plan = work->plan;
    uint32_t node = work->machine->cpus[cpu].node;
    bool promised = false;
    if (cpu_set_has(&work->given->cpus, cpu) || cpu_set_has(&work->given->may, cpu) ||
        !place_is_on(node, work->wanted->node))
        return 0;
    for (unsigned vm = 0; vm < work->config->vm_count; vm++) {
        if (plan->vms[vm].placed && plan->vms[vm].boot_cpu == cpu)
            return 0; /* nobody gives the core that it started on */
        promised = promised || (vm != work->vm && cpu_set_has(&plan->vms[vm].may, cpu));
    }
    return 1 + (is_usable(work, cpu) ? 8u : 0) + (node == work->given->node ? 4u : 0) +
           (promised ? 0 : 2u);
}

void place_tell(const struct machine *machine, const struct config *config, struct place_plan *plan,
                unsigned index, unsigned most)
{
    struct place_work work = {.machine = machine, .config = config, .plan = plan};
    place_begin(&work, index);
    work.given->told = work.given->cpus;
    work.given->may = (struct cpu_set){0};
    for (unsigned count = cpu_set_count(&work.given->told); count < most; count++) {
        cpu_id_t chosen = NO_CORE;
        unsigned best = 0;
        for (cpu_id_t cpu = 0; cpu < machine->cpu_count; cpu++) {
            unsigned chance = chance_of(&work, cpu);
            chosen = chance > best ? cpu : chosen;
            best = chance > best ? chance : best;
        }
        if (chosen == NO_CORE)
            return;
        cpu_set_add(&work.given->may, chosen);
    }
}

unsigned place_number(const struct placement *placement, cpu_id_t core)
{
    bool told = cpu_set_has(&placement->told, core);
    unsigned number = told ? (placement->boot_cpu > core ? 1 : 0) : cpu_set_count(&placement->told);
    for (cpu_id_t cpu = 0; cpu < core; cpu++)
        number += cpu_set_has(told ? &placement->told : &placement->may, cpu) ? 1u : 0u;
    return core == placement->boot_cpu ? 0 : number;
}
