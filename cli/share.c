/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proposal: the service VM gets a quarter of the first node, up to what devices can need, a VM
 * gets the rest of it (or two do, if it is the only node), and each further node is a VM.
 */
#include "share.h"

#include "core/config.h"

#define SERVICE_CORES_MAX  8u
#define SERVICE_MEMORY_MAX (16 * GIB)
#define SERVICE_MEMORY     (1 * GIB) /* as much if it is no more than half */
#define VM_MEMORY_MIN      (256 * MIB)
#define MONITOR_MEMORY     (64 * MIB)

/* Cores and memory that are still to be given away. */
struct rest {
    unsigned cores;
    uint64_t memory;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* MEMORY with three or four binary digits: sizes that people write. */
static uint64_t round_memory(uint64_t memory)
{
    uint64_t unit = LARGE_PAGE;
    while (unit * 16 <= memory)
        unit *= 2;
    return align_down(memory, unit);
}

/* Whole processor cores, so that no VM leaves a sibling idle. */
static unsigned whole(unsigned cores, unsigned threads)
{
    return cores - cores % threads;
}

/* What NODE can give: the firmware, the kernel's own count and page borders take a part. */
static struct rest node_rest(const struct probe_facts *facts, const struct probe_node *node,
                             uint64_t reserve)
{
    uint64_t memory = least(node->memory, CONFIG_MEMORY_MAX);
    uint64_t kept = memory / 16 + reserve;
    return (struct rest){(unsigned)least(node->cores, MAX_CPUS / facts->node_count),
                         memory > kept ? memory - kept : 0};
}

static struct share take_service(struct rest *rest, unsigned threads)
{
    unsigned quarter = whole(rest->cores / 4, threads);
    uint64_t wanted = least(most(quarter, threads), SERVICE_CORES_MAX);
    unsigned cores = (unsigned)least(wanted, rest->cores);
    uint64_t memory = most(rest->memory / 4, least(SERVICE_MEMORY, rest->memory / 2));
    memory = round_memory(least(memory, SERVICE_MEMORY_MAX));
    struct share share = {cores, most(memory, CONFIG_MEMORY_MIN)};
    rest->cores -= cores;
    rest->memory -= least(share.memory, rest->memory);
    return share;
}

/* Make COUNT VMs of REST, or fewer if there is not enough for so many. */
static void add_vms(struct share_plan *plan, struct rest rest, unsigned count, unsigned threads)
{
    while (count > 0 && (rest.cores < count * threads || rest.memory < count * VM_MEMORY_MIN))
        count--;
    for (; count > 0 && plan->vm_count < ARRAY_SIZE(plan->vms); count--) {
        unsigned cores = whole(rest.cores / count, threads);
        uint64_t memory = round_memory(rest.memory / count);
        plan->vms[plan->vm_count++] = (struct share){cores, memory};
        rest.cores -= cores;
        rest.memory -= memory;
    }
}

/* The first node that can have the service VM. */
static unsigned find_first(const struct probe_facts *facts)
{
    for (unsigned i = 0; i < facts->node_count; i++)
        if (facts->nodes[i].cores > 0 && facts->nodes[i].memory > 0)
            return i;
    return 0;
}

struct share_plan share_divide(const struct probe_facts *facts, uint64_t modules)
{
    struct share_plan plan = {0};
    unsigned threads = facts->threads;
    unsigned first = find_first(facts);
    struct rest rest = node_rest(facts, &facts->nodes[first], MONITOR_MEMORY + modules);
    if (facts->node_count == 1 && threads > 1 && rest.cores <= threads) {
        plan.smt_sharing = true;
        threads = 1;
    }
    rest.cores = (unsigned)most(whole(rest.cores, threads), 1);
    plan.service = take_service(&rest, threads);
    add_vms(&plan, rest, facts->node_count == 1 ? 2 : 1, threads);
    for (unsigned i = first + 1; i < facts->node_count; i++)
        add_vms(&plan, node_rest(facts, &facts->nodes[i], 0), 1, threads);
    if (plan.vm_count == 0) /* nobody else wants it */
        plan.service = (struct share){plan.service.cores + rest.cores,
                                      round_memory(plan.service.memory + rest.memory)};
    return plan;
}
