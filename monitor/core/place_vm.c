/* SPDX-License-Identifier: Apache-2.0 */
/* Placement: the nodes of one VM, and what to say if it finds no room. */
#include "core/place_parts.h"

#include "lib/fmt.h"

bool place_fail(struct place_work *work, unsigned vm, struct config_position at, const char *format,
                ...)
{
    struct placement *placement = &work->plan->vms[vm];
    size_t size = sizeof(placement->reason);
    *placement = (struct placement){.at = at};
    size_t length = fmt_text(placement->reason, size, "vm \"%s\": ", work->config->vms[vm].name);
    va_list args;
    va_start(args, format);
    fmt_text_va(placement->reason + length, size - length, format, args);
    va_end(args);
    return false;
}

/* " on node 1", or nothing for CONFIG_NODE_ANY. */
static const char *name_node(char *buffer, size_t size, uint32_t node)
{
    buffer[0] = '\0';
    if (node != CONFIG_NODE_ANY)
        fmt_text(buffer, size, " on node %u", node);
    return buffer;
}

static unsigned count_unowned(const struct place_work *work, uint32_t node)
{
    unsigned count = 0;
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++) {
        bool owned = false;
        for (unsigned vm = 0; vm < work->config->vm_count; vm++)
            owned = owned || cpu_set_has(&work->plan->vms[vm].cpus, cpu);
        if (!owned && (node == CONFIG_NODE_ANY || work->machine->cpus[cpu].node == node))
            count++;
    }
    return count;
}

static bool fail_cores(struct place_work *work, unsigned vm)
{
    const struct config_vm *wanted = &work->config->vms[vm];
    unsigned left = place_cores_count(work, vm, wanted->node);
    unsigned siblings = count_unowned(work, wanted->node) - left;
    char node[24], lost[80] = "", advice[80];
    name_node(node, sizeof(node), wanted->node);
    if (siblings > 0)
        fmt_text(lost, sizeof(lost), " (%u more: SMT siblings of another VM's)", siblings);
    if (left > 0)
        fmt_text(advice, sizeof(advice), "write at most %u", left);
    else
        fmt_text(advice, sizeof(advice), "write fewer \"cpus\" in other VMs");
    return place_fail(work, vm, wanted->cpus_at, "cpus %u is more than the %u left%s%s; %s%s%s",
                      wanted->cpu_count, left, node, lost, advice,
                      siblings > 0 ? ", or allow-smt-sharing in these VMs" : "",
                      wanted->node != CONFIG_NODE_ANY ? ", or node any" : "");
}

static bool fail_memory(struct place_work *work, unsigned vm)
{
    const struct config_vm *wanted = &work->config->vms[vm];
    struct place_memory memory = place_memory_count(work->machine, work->plan, wanted->node);
    char node[24], size[24], left[24], largest[24], pieces[48] = "";
    name_node(node, sizeof(node), wanted->node);
    fmt_size(size, sizeof(size), wanted->memory);
    fmt_size(left, sizeof(left), memory.free);
    fmt_size(largest, sizeof(largest), memory.largest);
    const char *other = wanted->node != CONFIG_NODE_ANY ? ", or node any" : "";
    if (memory.free < CONFIG_MEMORY_MIN)
        return place_fail(work, vm, wanted->memory_at,
                          "memory %s: none is left%s; write less \"memory\" in other VMs%s", size,
                          node, other);
    if (memory.free >= wanted->memory)
        return place_fail(work, vm, wanted->memory_at,
                          "memory %s would be in more than %u pieces%s; write at most %s%s", size,
                          PLACE_EXTENTS_MAX, node, largest, other);
    if (memory.largest < memory.free)
        fmt_text(pieces, sizeof(pieces), " (largest free piece: %s)", largest);
    return place_fail(work, vm, wanted->memory_at,
                      "memory %s is more than the %s left%s%s; write at most %s%s", size, left,
                      node, pieces, left, other);
}

/* Is A a better neighbour of HOME than B: nearer, or as near with more cores for VM? */
static bool better_neighbour(const struct place_work *work, unsigned vm, uint32_t home, uint32_t a,
                             uint32_t b)
{
    const uint8_t *distance = work->machine->distance[home];
    if (a == home || b == home)
        return a == home;
    if (distance[a] != distance[b])
        return distance[a] < distance[b];
    return place_cores_count(work, vm, a) > place_cores_count(work, vm, b);
}

/* All nodes, HOME first, then the nearest; with more cores first, so that few nodes do. */
static struct place_nodes nodes_around(const struct place_work *work, unsigned vm, uint32_t home)
{
    struct place_nodes nodes = {0};
    for (uint32_t node = 0; node < work->machine->node_count; node++) {
        unsigned at = nodes.count++;
        for (; at > 0 && better_neighbour(work, vm, home, node, nodes.list[at - 1]); at--)
            nodes.list[at] = nodes.list[at - 1];
        nodes.list[at] = node;
    }
    return nodes;
}

/* The same nodes, those with cores of VM first: memory belongs beside the cores. */
static struct place_nodes nodes_with_cores_first(const struct place_work *work, unsigned vm,
                                                 const struct place_nodes *nodes)
{
    struct place_nodes sorted = {0};
    bool has_cores[MAX_NODES] = {0};
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++)
        if (cpu_set_has(&work->plan->vms[vm].cpus, cpu))
            has_cores[work->machine->cpus[cpu].node] = true;
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < nodes->count; i++)
            if (has_cores[nodes->list[i]] == (pass == 0))
                sorted.list[sorted.count++] = nodes->list[i];
    return sorted;
}

/* The node with most of the cores in the VM's list; the lowest of several. */
static uint32_t node_of_list(const struct place_work *work, const struct config_vm *vm)
{
    unsigned count[MAX_NODES] = {0};
    uint32_t best = 0;
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++)
        if (cpu_set_has(&vm->cpu_list, cpu))
            count[work->machine->cpus[cpu].node]++;
    for (uint32_t node = 1; node < work->machine->node_count; node++)
        if (count[node] > count[best])
            best = node;
    return best;
}

/*
 * The node that holds all of a VM and has the fewest cores, then the least memory, left over, so
 * that the others stay whole. Nodes of the set TRIED are left out; node_count if there is none.
 */
static uint32_t choose_node(const struct place_work *work, unsigned vm, uint32_t tried)
{
    const struct config_vm *wanted = &work->config->vms[vm];
    uint32_t best = work->machine->node_count;
    unsigned best_cores = 0;
    uint64_t best_memory = 0;
    for (uint32_t node = 0; node < work->machine->node_count; node++) {
        unsigned cores = place_cores_count(work, vm, node);
        uint64_t memory = place_memory_count(work->machine, work->plan, node).free;
        if ((tried & 1u << node) != 0 || cores < wanted->cpu_count || memory < wanted->memory)
            continue;
        if (best == work->machine->node_count || cores < best_cores ||
            (cores == best_cores && memory < best_memory)) {
            best = node;
            best_cores = cores;
            best_memory = memory;
        }
    }
    return best;
}

/* Where a VM that fits on no node begins: of the nodes with cores, the one with most of its needs.
 */
static uint32_t choose_home(const struct place_work *work, unsigned vm)
{
    const struct config_vm *wanted = &work->config->vms[vm];
    uint32_t best = 0;
    uint64_t best_score = 0;
    for (uint32_t node = 0; node < work->machine->node_count; node++) {
        uint64_t cores = place_cores_count(work, vm, node);
        uint64_t memory = place_memory_count(work->machine, work->plan, node).free;
        cores = cores < wanted->cpu_count ? cores : wanted->cpu_count;
        memory = memory < wanted->memory ? memory : wanted->memory;
        uint64_t score =
            cores * 1000 / wanted->cpu_count + (memory / MIB) * 1000 / (wanted->memory / MIB);
        if (cores > 0 && score > best_score) {
            best = node;
            best_score = score;
        }
    }
    return best;
}

static bool place_on_one_node(struct place_work *work, unsigned vm, struct place_nodes *nodes)
{
    uint32_t tried = 0;
    for (uint32_t node; (node = choose_node(work, vm, tried)) != work->machine->node_count;) {
        *nodes = (struct place_nodes){.list = {node}, .count = 1};
        if (place_cores_any(work, vm, nodes) && place_memory_any(work, vm, nodes))
            return true;
        work->plan->vms[vm] = (struct placement){0};
        tried |= 1u << node;
    }
    return false;
}

/* The nodes that VM may use, the best first. */
static struct place_nodes nodes_of(const struct place_work *work, unsigned vm)
{
    const struct config_vm *wanted = &work->config->vms[vm];
    if (wanted->node != CONFIG_NODE_ANY)
        return (struct place_nodes){.list = {wanted->node}, .count = 1};
    uint32_t home = wanted->service ? work->machine->cpus[0].node : choose_home(work, vm);
    if (wanted->cpu_listed)
        home = node_of_list(work, wanted);
    return nodes_around(work, vm, home);
}

static bool place_on_nodes(struct place_work *work, unsigned vm, const struct place_nodes *nodes)
{
    const struct config_vm *wanted = &work->config->vms[vm];
    if (wanted->cpu_listed && !place_cores_listed(work, vm))
        return false;
    if (!wanted->cpu_listed && !place_cores_any(work, vm, nodes))
        return fail_cores(work, vm);
    struct place_nodes near = nodes_with_cores_first(work, vm, nodes);
    bool filled = wanted->service ? place_memory_service(work, vm, wanted->node)
                                  : place_memory_any(work, vm, &near);
    return filled || fail_memory(work, vm);
}

/* Core 0 for the service VM; else the lowest core on HOME, or the lowest of all. */
static cpu_id_t choose_boot_cpu(const struct place_work *work, unsigned vm, uint32_t home)
{
    const struct cpu_set *cpus = &work->plan->vms[vm].cpus;
    cpu_id_t lowest = MAX_CPUS;
    if (work->config->vms[vm].service && cpu_set_has(cpus, 0))
        return 0;
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++) {
        if (!cpu_set_has(cpus, cpu))
            continue;
        if (work->machine->cpus[cpu].node == home)
            return cpu;
        lowest = lowest == MAX_CPUS ? cpu : lowest;
    }
    return lowest;
}

static bool spans_nodes(const struct place_work *work, const struct placement *placement)
{
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++)
        if (cpu_set_has(&placement->cpus, cpu) && work->machine->cpus[cpu].node != placement->node)
            return true;
    for (unsigned i = 0; i < placement->extent_count; i++)
        if (placement->extents[i].node != placement->node)
            return true;
    return false;
}

bool place_vm(struct place_work *work, unsigned vm)
{
    const struct config_vm *wanted = &work->config->vms[vm];
    unsigned node_count = work->machine->node_count;
    struct place_nodes nodes;
    if (wanted->node != CONFIG_NODE_ANY && wanted->node >= node_count)
        return place_fail(work, vm, wanted->node_at,
                          "node %u does not exist; the machine has %u, write 0 to %u, or any",
                          wanted->node, node_count, node_count - 1);
    bool free = !wanted->service && !wanted->cpu_listed && wanted->node == CONFIG_NODE_ANY;
    if (!free || !place_on_one_node(work, vm, &nodes)) {
        nodes = nodes_of(work, vm);
        if (!place_on_nodes(work, vm, &nodes))
            return false;
    }
    struct placement *placement = &work->plan->vms[vm];
    placement->boot_cpu = choose_boot_cpu(work, vm, nodes.list[0]);
    placement->node = work->machine->cpus[placement->boot_cpu].node;
    placement->spans = spans_nodes(work, placement);
    placement->placed = true;
    return true;
}
