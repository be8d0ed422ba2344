/* SPDX-License-Identifier: Apache-2.0 */
/* Placement: cores. SMT siblings go to one VM unless both VMs allow sharing. */
#include "core/place_parts.h"

#define NOBODY MAX_VMS

static unsigned core_owner(const struct place_work *work, cpu_id_t cpu)
{
    for (unsigned vm = 0; vm < work->config->vm_count; vm++)
        if (cpu_set_has(&work->plan->vms[vm].cpus, cpu))
            return vm;
    return NOBODY;
}

/* The VM that has CPU, or that lists it and is yet to be placed. */
static unsigned core_claimant(const struct place_work *work, cpu_id_t cpu)
{
    for (unsigned vm = 0; vm < work->config->vm_count; vm++)
        if ((work->reserving & 1u << vm) != 0 && cpu_set_has(&work->config->vms[vm].cpu_list, cpu))
            return vm;
    return core_owner(work, cpu);
}

static bool may_share(const struct place_work *work, unsigned a, unsigned b)
{
    return a == b ||
           (work->config->vms[a].allow_smt_sharing && work->config->vms[b].allow_smt_sharing);
}

/* The sibling of CPU whose owner does not share with VM; CPU itself if there is none. */
static cpu_id_t find_rival(const struct place_work *work, unsigned vm, cpu_id_t cpu,
                           unsigned (*owner_of)(const struct place_work *work, cpu_id_t cpu))
{
    const struct machine *machine = work->machine;
    for (cpu_id_t other = 0; other < machine->cpu_count; other++) {
        if (other == cpu || machine->cpus[other].core_id != machine->cpus[cpu].core_id)
            continue;
        unsigned owner = owner_of(work, other);
        if (owner != NOBODY && !may_share(work, owner, vm))
            return other;
    }
    return cpu;
}

static bool is_usable(const struct place_work *work, unsigned vm, cpu_id_t cpu)
{
    return core_claimant(work, cpu) == NOBODY && find_rival(work, vm, cpu, core_claimant) == cpu;
}

unsigned place_cores_count(const struct place_work *work, unsigned vm, uint32_t node)
{
    unsigned count = 0;
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++)
        if ((node == CONFIG_NODE_ANY || work->machine->cpus[cpu].node == node) &&
            is_usable(work, vm, cpu))
            count++;
    return count;
}

bool place_cores_listed(struct place_work *work, unsigned vm)
{
    const struct config_vm *wanted = &work->config->vms[vm];
    for (cpu_id_t cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (!cpu_set_has(&wanted->cpu_list, cpu))
            continue;
        if (cpu >= work->machine->cpu_count)
            return place_fail(work, vm, wanted->cpus_at,
                              "core %u does not exist; the machine has %u, write 0 to %u", cpu,
                              work->machine->cpu_count, work->machine->cpu_count - 1);
        unsigned owner = core_owner(work, cpu);
        if (owner != NOBODY)
            return place_fail(work, vm, wanted->cpus_at,
                              "core %u is already vm \"%s\"'s; write another core in \"cpus\"", cpu,
                              work->config->vms[owner].name);
        cpu_id_t rival = find_rival(work, vm, cpu, core_owner);
        if (rival != cpu)
            return place_fail(work, vm, wanted->cpus_at,
                              "core %u is the SMT sibling of core %u, which vm \"%s\" has; write "
                              "another core in \"cpus\", or allow-smt-sharing in both VMs",
                              cpu, rival, work->config->vms[core_owner(work, rival)].name);
    }
    work->plan->vms[vm].cpus = wanted->cpu_list;
    return true;
}

/* The threads of one physical core, as seen by a VM that could take some. */
struct core_group {
    bool begun;       /* the VM has one of them already */
    unsigned threads; /* that it could take */
};

static struct core_group look_at_group(const struct place_work *work, unsigned vm, cpu_id_t cpu)
{
    struct core_group group = {0};
    const struct machine_cpu *cpus = work->machine->cpus;
    for (cpu_id_t other = 0; other < work->machine->cpu_count; other++) {
        if (cpus[other].core_id != cpus[cpu].core_id)
            continue;
        if (cpu_set_has(&work->plan->vms[vm].cpus, other))
            group.begun = true;
        else if (is_usable(work, vm, other))
            group.threads++;
    }
    return group;
}

/*
 * A group that the VM has begun comes first, so that no thread is lost; then the fullest that fits
 * WANTED; then the smallest of those that don't.
 */
static bool is_better(struct core_group a, struct core_group b, unsigned wanted)
{
    if (a.begun != b.begun)
        return a.begun;
    if ((a.threads <= wanted) != (b.threads <= wanted))
        return a.threads <= wanted;
    return a.threads <= wanted ? a.threads > b.threads : a.threads < b.threads;
}

/* The core of NODE that VM, in want of WANTED more, takes next; cpu_count if there is none. */
static cpu_id_t choose_core(const struct place_work *work, unsigned vm, uint32_t node,
                            unsigned wanted)
{
    cpu_id_t best = work->machine->cpu_count;
    struct core_group best_group = {0};
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++) {
        if (work->machine->cpus[cpu].node != node || !is_usable(work, vm, cpu))
            continue;
        struct core_group group = look_at_group(work, vm, cpu);
        if (best == work->machine->cpu_count || is_better(group, best_group, wanted)) {
            best = cpu;
            best_group = group;
        }
    }
    return best;
}

bool place_cores_any(struct place_work *work, unsigned vm, const struct place_nodes *nodes)
{
    const struct config_vm *config = &work->config->vms[vm];
    struct cpu_set *cpus = &work->plan->vms[vm].cpus;
    unsigned wanted = config->cpu_count;
    /* The firmware's tables, and some drivers, take the service VM's first core for the BSP. */
    if (config->service && work->machine->cpus[0].node == nodes->list[0] &&
        is_usable(work, vm, 0)) {
        cpu_set_add(cpus, 0);
        wanted--;
    }
    for (unsigned i = 0; i < nodes->count; i++) {
        while (wanted > 0) {
            cpu_id_t cpu = choose_core(work, vm, nodes->list[i], wanted);
            if (cpu == work->machine->cpu_count)
                break;
            cpu_set_add(cpus, cpu);
            wanted--;
        }
    }
    if (wanted > 0)
        *cpus = (struct cpu_set){0};
    return wanted == 0;
}
