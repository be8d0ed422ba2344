/* SPDX-License-Identifier: Apache-2.0 */
/* Cores, their threads, NUMA nodes and memory, as the kernel has found them. */
#include <stdio.h>
#include <string.h>

#include "lib/fmt.h"
#include "probe.h"
#include "text.h"
#include "tree.h"

#define CPUINFO_MAX (1024 * 1024)
#define LIST_TEXT   4096

#define MEMORY_LEAST (1 * GIB) /* less holds no two systems of a distribution */

static unsigned count_in_cpuinfo(void)
{
    static char cpuinfo[CPUINFO_MAX];
    unsigned count = 0;
    tree_read("/proc/cpuinfo", cpuinfo, sizeof(cpuinfo));
    for (const char *at = cpuinfo; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n' ? 1 : 0;
        count += strncmp(at, "processor\t", 10) == 0 ? 1u : 0u;
    }
    return count;
}

/* The most siblings that a core has; 1 if that is nowhere said. */
static unsigned count_threads(const struct cpu_set *cores)
{
    unsigned most = 1;
    for (cpu_id_t cpu = 0; cpu < MAX_CPUS; cpu++) {
        char path[96], list[LIST_TEXT];
        if (!cpu_set_has(cores, cpu))
            continue;
        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
                 cpu);
        tree_read(path, list, sizeof(list));
        unsigned count = text_count_list(list, NULL);
        most = count > most ? count : most;
    }
    return most;
}

static void read_cores(struct probe_facts *facts)
{
    struct cpu_set cores = {0};
    char list[LIST_TEXT];
    tree_read("/sys/devices/system/cpu/present", list, sizeof(list));
    facts->cores = text_count_list(list, &cores);
    if (facts->cores == 0)
        facts->cores = count_in_cpuinfo();
    facts->threads = count_threads(&cores);
    if (facts->threads > facts->cores)
        facts->threads = 1;
}

/* "MemTotal: 123 kB" behind KEY, in bytes; 0 if it is not there or no number. */
static uint64_t read_memory(const char *path, const char *key)
{
    char text[4096], value[32];
    uint64_t kib = 0;
    tree_read(path, text, sizeof(text));
    text_field(text, key, value, sizeof(value));
    return text_number(value, &kib) && kib <= UINT64_MAX / KIB ? kib * KIB : 0;
}

static struct probe_node read_node(unsigned number)
{
    char path[64], list[LIST_TEXT], key[32];
    struct probe_node node = {.number = number};
    snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", number);
    tree_read(path, list, sizeof(list));
    node.cores = text_count_list(list, NULL);
    snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo", number);
    snprintf(key, sizeof(key), "Node %u MemTotal", number);
    node.memory = read_memory(path, key);
    return node;
}

/* The nodes together have no more than the machine. */
static bool nodes_agree(const struct probe_facts *facts)
{
    uint64_t cores = 0, memory = 0;
    for (unsigned i = 0; i < facts->node_count; i++) {
        cores += facts->nodes[i].cores;
        memory += facts->nodes[i].memory;
    }
    return facts->node_count > 0 && cores <= facts->cores && memory <= facts->memory;
}

/* Returns whether the kernel knows nodes; if not, all is one. */
static bool read_nodes(struct probe_facts *facts)
{
    struct cpu_set online = {0};
    char list[LIST_TEXT];
    tree_read("/sys/devices/system/node/online", list, sizeof(list));
    text_count_list(list, &online);
    for (unsigned number = 0; number < MAX_CPUS; number++)
        if (cpu_set_has(&online, number) && facts->node_count < MAX_NODES)
            facts->nodes[facts->node_count++] = read_node(number);
    bool known = nodes_agree(facts);
    if (known && facts->node_count > 1)
        return true;
    /* All memory: the one node's count leaves out what the kernel has not looked at yet. */
    facts->nodes[0] = (struct probe_node){0, facts->cores, facts->memory};
    facts->node_count = 1;
    return known;
}

static void add_cores(struct report *report, const struct probe_facts *facts)
{
    if (facts->cores == 0)
        report_add(report, NEEDED, "cores", ANSWER_UNKNOWN,
                   "neither /sys/devices/system/cpu nor /proc/cpuinfo");
    else if (facts->cores == 1)
        report_add(report, NEEDED, "cores", ANSWER_NO,
                   "1, and each VM needs one of its own; use a machine with 2 or more");
    else if (facts->cores > MAX_CPUS)
        report_add(report, NEEDED, "cores", ANSWER_YES, "%u, of which Mullion takes %u",
                   facts->cores, MAX_CPUS);
    else
        report_add(report, NEEDED, "cores", ANSWER_YES, "%u", facts->cores);
}

static const char *mebibytes(char *buffer, size_t size, uint64_t bytes)
{
    return fmt_size(buffer, size, align_down(bytes, MIB));
}

static void add_memory(struct report *report, const struct probe_facts *facts)
{
    char size[24];
    if (facts->memory == 0)
        report_add(report, NEEDED, "memory", ANSWER_UNKNOWN, "/proc/meminfo does not say");
    else if (facts->memory < MEMORY_LEAST * 3 / 4) /* what the kernel took is not in the sum */
        report_add(report, NEEDED, "memory", ANSWER_NO,
                   "%s are too little for two systems; use a machine with 1G or more",
                   mebibytes(size, sizeof(size), facts->memory));
    else
        report_add(report, NEEDED, "memory", ANSWER_YES, "%s",
                   mebibytes(size, sizeof(size), facts->memory));
}

static void add_threads(struct report *report, const struct probe_facts *facts)
{
    if (facts->threads > 1)
        report_add(report, USEFUL, "SMT", ANSWER_YES,
                   "%u threads a core; two VMs share one only if both say allow-smt-sharing",
                   facts->threads);
    else
        report_add(report, USEFUL, "SMT", ANSWER_NO, "one thread a core; nothing to change");
}

static void add_nodes(struct report *report, const struct probe_facts *facts, bool known)
{
    char text[REPORT_TEXT_MAX] = "", size[24];
    size_t length = 0;
    for (unsigned i = 0; i < facts->node_count && length < sizeof(text); i++) {
        const struct probe_node *node = &facts->nodes[i];
        length += fmt_text(text + length, sizeof(text) - length, "%snode %u: %u cores, %s",
                           i == 0 ? "" : "; ", node->number, node->cores,
                           mebibytes(size, sizeof(size), node->memory));
    }
    if (known)
        report_add(report, USEFUL, "NUMA nodes", ANSWER_YES, "%s", text);
    else
        report_add(report, USEFUL, "NUMA nodes", ANSWER_UNKNOWN,
                   "/sys/devices/system/node says nothing of use; taken for one node");
}

void probe_topology(struct report *report, struct probe_facts *facts)
{
    read_cores(facts);
    facts->memory = read_memory("/proc/meminfo", "MemTotal");
    bool nodes_known = read_nodes(facts);
    add_cores(report, facts);
    add_memory(report, facts);
    add_threads(report, facts);
    add_nodes(report, facts, nodes_known);
}
