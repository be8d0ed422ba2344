/* SPDX-License-Identifier: Apache-2.0 */
/* Placement: the nodes of one VM. */
#include "core/place_parts.h"

#include "lib/fmt.h"

#define MEMORY_END (1ull << 55) /* beyond any machine's; times MAX_CPUS it is a number still */

void place_begin(struct place_work *work, unsigned vm)
{
    work->vm = vm;
    work->wanted = &work->config->vms[vm];
    work->given = &work->plan->vms[vm];
}

bool place_fail(struct place_work *work, struct config_position at, const char *format, ...)
{
    char *reason = work->given->reason;
    size_t size = sizeof(work->given->reason);
    *work->given = (struct placement){.at = at};
    size_t length = fmt_text(reason, size, "vm \"%s\": ", work->wanted->name);
    va_list args;
    va_start(args, format);
    fmt_text_va(reason + length, size - length, format, args);
    va_end(args);
    return false;
}

const char *place_node_text(char *buffer, size_t size, uint32_t node)
{
    buffer[0] = '\0';
    if (node != CONFIG_NODE_ANY)
        fmt_text(buffer, size, " on node %u", node);
    return buffer;
}

/* How many of CPUS are on NODE. */
static unsigned count_on(const struct place_work *work, const struct cpu_set *cpus, uint32_t node)
{
    unsigned count = 0;
    for (cpu_id_t cpu = 0; cpu < work->machine->cpu_count; cpu++)
        if (cpu_set_has(cpus, cpu) && work->machine->cpus[cpu].node == node)
            count++;
    return count;
}

/* NODES, those with cores of the VM first: memory belongs beside the cores. */
static struct place_nodes nodes_with_cores_first(const struct place_work *work,
                                                 const struct place_nodes *nodes)
{
    struct place_nodes sorted = {0};
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < nodes->count; i++)
            if ((count_on(work, &work->given->cpus, nodes->list[i]) > 0) == (pass == 0))
                sorted.list[sorted.count++] = nodes->list[i];
    return sorted;
}

/*
 * How well NODE suits for all of the VM; 0 if it doesn't hold it. Best is what leaves the fewest
 * cores, then the least memory, so that the other nodes stay whole.
 */
static uint64_t score_whole(const struct place_work *work, uint32_t node)
{
    unsigned cores = place_cores_count(work, node);
    uint64_t memory = place_memory_count(work->machine, work->plan, node).free;
    bool holds = cores >= work->wanted->cpu_count && memory >= work->wanted->memory;
    return holds ? (MAX_CPUS + 1 - cores) * MEMORY_END - memory : 0;
}

/* How well a VM that fits on no node begins on NODE: with cores, and with most of its needs. */
static uint64_t score_home(const struct place_work *work, uint32_t node)
{
    const struct config_vm *wanted = work->wanted;
    if (wanted->cpu_listed)
        return count_on(work, &wanted->cpu_list, node);
    if (wanted->service)
        return node == work->machine->cpus[0].node ? 1 : 0;
    uint64_t cores = place_cores_count(work, node);
    uint64_t memory = place_memory_count(work->machine, work->plan, node).free;
    if (cores == 0)
        return 0;
    cores = cores < wanted->cpu_count ? cores : wanted->cpu_count;
    memory = memory < wanted->memory ? memory : wanted->memory;
    return cores * 1000 / wanted->cpu_count + (memory / MIB) * 1000 / (wanted->memory / MIB);
}

/* How near NODE is to the VM's home; of those as near, with more cores, so that few nodes do. */
static uint64_t score_near(const struct place_work *work, uint32_t node)
{
    if (node == work->home)
        return UINT64_MAX;
    uint64_t distance = work->machine->distance[work->home][node];
    return (UINT8_MAX + 1 - distance) * (MAX_CPUS + 1) + place_cores_count(work, node);
}

/*
 * The node with the highest score, the lowest of several; node_count if none has one. Nodes of the
 * set TRIED are left out.
 */
static uint32_t choose_node(const struct place_work *work, uint32_t tried,
                            uint64_t (*score_of)(const struct place_work *work, uint32_t node))
{
    uint32_t best = work->machine->node_count;
    uint64_t best_score = 0;
    for (uint32_t node = 0; node < work->machine->node_count; node++) {
        uint64_t score = (tried & 1u << node) != 0 ? 0 : score_of(work, node);
        best = score > best_score ? node : best;
        best_score = score > best_score ? score : best_score;
    }
    return best;
}

static bool place_on_nodes(struct place_work *work, const struct place_nodes *nodes)
{
    if (!place_cores(work, nodes))
        return false;
    struct place_nodes near = nodes_with_cores_first(work, nodes);
    return place_memory(work, &near);
}

static bool place_on_one_node(struct place_work *work, struct place_nodes *nodes)
{
    uint32_t tried = 0;
    for (uint32_t node;
         (node = choose_node(work, tried, score_whole)) != work->machine->node_count;) {
        *nodes = (struct place_nodes){.list = {node}, .count = 1};
        if (place_on_nodes(work, nodes))
            return true;
        *work->given = (struct placement){0};
        tried |= 1u << node;
    }
    return false;
}

/* The nodes that the VM may use: its home first, then the nearest. */
static struct place_nodes nodes_of(struct place_work *work)
{
    struct place_nodes nodes = {0};
    uint32_t tried = 0;
    if (work->wanted->node != CONFIG_NODE_ANY)
        return (struct place_nodes){.list = {work->wanted->node}, .count = 1};
    uint32_t home = choose_node(work, 0, score_home);
    work->home = home < work->machine->node_count ? home : 0;
    while (nodes.count < work->machine->node_count) {
        uint32_t node = choose_node(work, tried, score_near);
        nodes.list[nodes.count++] = node;
        tried |= 1u << node;
    }
    return nodes;
}

/* Core 0 for the service VM; else the lowest core on HOME, or the lowest of all. */
static cpu_id_t choose_boot_cpu(const struct place_work *work, uint32_t home)
{
    const struct machine_cpu *cpus = work->machine->cpus;
    cpu_id_t best = MAX_CPUS;
    if (work->wanted->service && cpu_set_has(&work->given->cpus, 0))
        return 0;
    for (cpu_id_t cpu = work->machine->cpu_count; cpu-- > 0;)
        if (cpu_set_has(&work->given->cpus, cpu) &&
            (best == MAX_CPUS || cpus[cpu].node == home || cpus[best].node != home))
            best = cpu;
    return best;
}

static bool spans_nodes(const struct place_work *work)
{
    const struct placement *given = work->given;
    for (unsigned i = 0; i < given->extent_count; i++)
        if (given->extents[i].node != given->node)
            return true;
    return count_on(work, &given->cpus, given->node) != cpu_set_count(&given->cpus);
}

bool place_vm(struct place_work *work)
{
    const struct config_vm *wanted = work->wanted;
    unsigned node_count = work->machine->node_count;
    struct place_nodes nodes;
    if (wanted->node != CONFIG_NODE_ANY && wanted->node >= node_count)
        return place_fail(work, wanted->node_at,
                          "node %u does not exist; the machine has %u, write 0 to %u, or any",
                          wanted->node, node_count, node_count - 1);
    bool free = !wanted->service && !wanted->cpu_listed && wanted->node == CONFIG_NODE_ANY;
    if (!free || !place_on_one_node(work, &nodes)) {
        nodes = nodes_of(work);
        if (!place_on_nodes(work, &nodes))
            return false;
    }
    struct placement *given = work->given;
    given->boot_cpu = choose_boot_cpu(work, nodes.list[0]);
    given->node = work->machine->cpus[given->boot_cpu].node;
    given->spans = spans_nodes(work);
    given->placed = true;
    return true;
}
