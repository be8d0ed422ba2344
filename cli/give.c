/* SPDX-License-Identifier: Apache-2.0 */
/* What the pool lacks, and the way back from the pool to the service VM. */
#include "give.h"

#include <stdio.h>
#include <string.h>

#include "lib/fmt.h"
#include "linux.h"
#include "memo.h"
#include "take.h"
#include "timer.h"

#define TAKEN_MAX       4096u
#define ARRIVAL_SECONDS 5u

/* What this run has given, in this order. */
static struct {
    struct {
        bool is_cpu;
        uint32_t number; /* a core of the machine, or a block */
    } list[TAKEN_MAX];
    unsigned count;
} given;

bool given_add(bool is_cpu, uint32_t number)
{
    if (given.count == TAKEN_MAX)
        return false;
    given.list[given.count].is_cpu = is_cpu;
    given.list[given.count++].number = number;
    return true;
}

void need_add(struct need *need, const struct config_vm *vm)
{
    unsigned node = vm->node < MAX_NODES ? vm->node : ANY_NODE;
    need->memory[node] += vm->memory;
    if (!vm->cpu_listed)
        need->cores[node] += vm->cpu_count;
    for (cpu_id_t core = 0; vm->cpu_listed && core < MAX_CPUS; core++)
        if (cpu_set_has(&vm->cpu_list, core))
            cpu_set_add(&need->listed, core);
}

void need_more(struct need *need, const struct config_vm *now, const struct config_vm *wanted)
{
    if (wanted->memory > now->memory && wanted->memory <= wanted->memory_most)
        need->memory[wanted->node < MAX_NODES ? wanted->node : ANY_NODE] +=
            wanted->memory - now->memory;
}

static int view_open(struct view *view)
{
    struct records list;
    *view = (struct view){0};
    int status = records_ask(&list, "list");
    if (status != STATUS_OK)
        return status;
    const struct record *vm = records_find(&list, "vm", "service", "yes");
    snprintf(view->service, sizeof(view->service), "%s", vm == NULL ? "" : record_text(vm, "name"));
    records_free(&list);
    status = records_ask(&view->machine, "machine");
    if (status != STATUS_OK || pieces_read(&view->pieces, &view->machine))
        return status;
    records_free(&view->machine);
    return control_garbled("it describes no machine");
}

/* The large pages of the piece: VMs have nothing else, and nothing below 1 MiB. */
static uint64_t usable(uint64_t base, uint64_t size)
{
    uint64_t first = align_up(base, LARGE_PAGE), last = align_down(base + size, LARGE_PAGE);
    return last > first ? last - first : 0;
}

/* What the monitor says that it could give to VMs, less than what they have not: it keeps some. */
static uint64_t pool_free(const struct view *view)
{
    const struct record *pool = records_next(&view->machine, "pool", NULL);
    return pool != NULL ? record_number(pool, "memory-free") : 0;
}

/* What the pool has, by node; of any node is what the monitor keeps of it, to be left out. */
static void count_pool(const struct view *view, const struct need *need, struct need *pool)
{
    const struct record *record = NULL;
    uint64_t sum = 0;
    *pool = (struct need){0};
    while ((record = records_next(&view->machine, "cpu", record)) != NULL)
        if (record_is(record, "owner", POOL) && record_number(record, "node") < MAX_NODES &&
            !cpu_set_has(&need->listed, (cpu_id_t)record_number(record, "id")))
            pool->cores[record_number(record, "node")]++;
    for (unsigned i = 0; i < view->pieces.count; i++) {
        if (strcmp(view->pieces.list[i].owner, POOL) != 0)
            continue;
        uint64_t size = usable(view->pieces.list[i].base, view->pieces.list[i].size);
        pool->memory[view->pieces.list[i].node] += size;
        sum += size;
    }
    pool->kept = sum > pool_free(view) ? sum - pool_free(view) : 0;
}

static int fill_listed(struct view *view, const struct need *need)
{
    int status = STATUS_OK;
    for (cpu_id_t core = 0; core < MAX_CPUS && status == STATUS_OK; core++)
        if (cpu_set_has(&need->listed, core))
            status = take_listed(view, core);
    return status;
}

/* NEED is what is wanted of NODE; what the pool has beyond that is left for others. */
static int fill_node(struct view *view, unsigned node, const struct need *need, struct need *pool)
{
    unsigned cores = need->cores[node];
    uint64_t memory = need->memory[node];
    unsigned has_cores = pool->cores[node];
    uint64_t has_memory = pool->memory[node];
    if (node == ANY_NODE)
        has_memory -= has_memory < pool->kept ? has_memory : pool->kept;
    int status = cores > has_cores ? take_cores(view, node, cores - has_cores) : STATUS_OK;
    if (status == STATUS_OK && memory > has_memory)
        status = take_memory(view, node, memory - has_memory);
    if (node < ANY_NODE) {
        pool->cores[ANY_NODE] += has_cores > cores ? has_cores - cores : 0;
        pool->memory[ANY_NODE] += has_memory > memory ? has_memory - memory : 0;
    }
    return status;
}

/* Whether what was given has arrived: its cores leave, and its memory is unmapped, by and by. */
static bool has_arrived(const struct view *view, const struct need *need)
{
    uint64_t sum = 0;
    for (unsigned node = 0; node <= ANY_NODE; node++)
        sum += need->memory[node];
    for (unsigned i = 0; i < given.count; i++) {
        const struct record *cpu = NULL;
        while (given.list[i].is_cpu && (cpu = records_next(&view->machine, "cpu", cpu)) != NULL)
            if (record_number(cpu, "id") == given.list[i].number && !record_is(cpu, "owner", POOL))
                return false;
    }
    return pool_free(view) >= sum;
}

static int wait_for_arrival(const struct need *need)
{
    uint64_t limit = timer_limit(0, ARRIVAL_SECONDS);
    while (given.count > 0) {
        struct view view;
        int status = view_open(&view);
        bool done = status == STATUS_OK && has_arrived(&view, need);
        records_free(&view.machine);
        if (status != STATUS_OK || done)
            return status;
        if (timer_passed(limit)) {
            fprintf(stderr, "mullion: what was given has not all come into the pool after %u s\n",
                    ARRIVAL_SECONDS);
            return STATUS_TIME;
        }
        timer_sleep(20);
    }
    return STATUS_OK;
}

int give_fill(const struct need *need)
{
    struct view view;
    struct need pool;
    int status = view_open(&view);
    if (status != STATUS_OK)
        return status;
    linux_catch_signals();
    count_pool(&view, need, &pool);
    status = fill_listed(&view, need);
    for (unsigned node = 0; node <= ANY_NODE && status == STATUS_OK; node++)
        status = fill_node(&view, node, need, &pool);
    records_free(&view.machine);
    if (status == STATUS_OK && linux_interrupted())
        status = STATUS_ERRORS;
    return status == STATUS_OK ? wait_for_arrival(need) : status;
}

/* From the pool to Linux. What the monitor keeps must not go on line: it is not ours to touch. */
static int return_core(cpu_id_t core, unsigned cpu)
{
    char reason[LINUX_REASON_MAX];
    int status = take_ask("take cpu %u", core);
    if (status != STATUS_OK)
        return status;
    if (linux_set_cpu(cpu, true, reason)) {
        memo_drop(core);
        return STATUS_OK;
    }
    fprintf(stderr, "mullion: core %u is back, but not on line (CPU %u): %s\n", core, cpu, reason);
    return STATUS_ERRORS;
}

static int return_block(uint32_t block, uint64_t size)
{
    char reason[LINUX_REASON_MAX];
    int status = take_ask("take memory 0x%lx %lu", block * size, size);
    if (status != STATUS_OK || linux_set_block(block, true, reason))
        return status;
    fprintf(stderr, "mullion: memory block %u is back, but not on line: %s\n", block, reason);
    return STATUS_ERRORS;
}

int give_undo(void)
{
    int worst = STATUS_OK;
    while (given.count > 0 && worst < STATUS_NO_CONTROL) {
        bool is_cpu = given.list[--given.count].is_cpu;
        uint32_t number = given.list[given.count].number;
        int status = is_cpu ? return_core(number, memo_find(number))
                            : return_block(number, linux_block_size());
        worst = status > worst ? status : worst;
    }
    return worst;
}

int give_back(void)
{
    const uint32_t *blocks;
    struct view view;
    int worst = STATUS_OK, status = view_open(&view);
    if (status != STATUS_OK)
        return status;
    const struct record *cpu = NULL;
    while ((cpu = records_next(&view.machine, "cpu", cpu)) != NULL && worst < STATUS_NO_CONTROL) {
        cpu_id_t core = (cpu_id_t)record_number(cpu, "id");
        if (!record_is(cpu, "owner", POOL) || memo_find(core) == LINUX_NO_CPU)
            continue;
        status = return_core(core, memo_find(core));
        worst = status > worst ? status : worst;
    }
    uint64_t size = linux_block_size();
    unsigned count = size > 0 ? linux_find_blocks(false, &blocks) : 0;
    for (unsigned i = 0; i < count && worst < STATUS_NO_CONTROL; i++) {
        if (!pieces_hold(&view.pieces, POOL, blocks[i] * size, blocks[i] * size + size))
            continue;
        status = return_block(blocks[i], size);
        worst = status > worst ? status : worst;
    }
    records_free(&view.machine);
    return worst;
}
