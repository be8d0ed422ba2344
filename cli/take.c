/* SPDX-License-Identifier: Apache-2.0 */
/* From the service VM to the pool: what Linux releases, the monitor checks and takes. */
#include "take.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/fmt.h"
#include "linux.h"
#include "memo.h"
#include "timer.h"

#define REPORTS_MAX 8u
#define PATIENCE_MS 1500u

static unsigned reports;

/* Say what Linux does not release, up to some lines. */
static void report(const char *what, const char *reason)
{
    if (reports++ < REPORTS_MAX)
        fprintf(stderr, "mullion: Linux keeps %s: %s\n", what, reason);
    else if (reports == REPORTS_MAX + 1)
        fprintf(stderr, "mullion: Linux keeps more than these\n");
}

int take_ask(const char *format, ...)
{
    struct answer answer;
    char request[96];
    uint64_t limit = timer_now() + PATIENCE_MS;
    int status;
    va_list args;
    va_start(args, format);
    vsnprintf(request, sizeof(request), format, args);
    va_end(args);
    while ((status = control_ask(&answer, NULL, "%s", request)) == STATUS_ERRORS &&
           !timer_passed(limit))
        timer_sleep(50);
    if (status == STATUS_ERRORS)
        control_complain(&answer, NULL);
    return status;
}

/* Take the core of RECORD from Linux to the pool; *DONE if it went. Returns a STATUS_. */
static int take_core(const struct record *record, bool *done)
{
    char what[64], reason[LINUX_REASON_MAX];
    cpu_id_t core = (cpu_id_t)record_number(record, "id");
    unsigned cpu = linux_find_cpu((uint32_t)record_number(record, "apic"));
    *done = false;
    snprintf(what, sizeof(what), "core %u (its CPU %u)", core, cpu);
    if (cpu == LINUX_NO_CPU) {
        snprintf(what, sizeof(what), "core %u", core);
        report(what, "it is not on line there, so its number is not known");
        return STATUS_OK;
    }
    bool kept = memo_keep(core, cpu);
    snprintf(reason, sizeof(reason), "/run/mullion: %s", strerror(errno));
    if (!kept || !linux_set_cpu(cpu, false, reason)) {
        report(what, reason);
        memo_drop(core);
        return STATUS_OK;
    }
    int status = take_ask("give cpu %u", core);
    *done = status == STATUS_OK && given_add(true, core);
    if (status == STATUS_ERRORS && linux_set_cpu(cpu, true, reason))
        memo_drop(core);
    return status;
}

/* The same with a block. */
static int take_block(uint32_t block, uint64_t size, bool *done)
{
    char what[96], reason[LINUX_REASON_MAX], text[24];
    *done = false;
    snprintf(what, sizeof(what), "memory block %u (%s at 0x%lx)", block,
             fmt_size(text, sizeof(text), size), block * size);
    if (!linux_set_block(block, false, reason)) {
        report(what, reason);
        return STATUS_OK;
    }
    int status = take_ask("give memory 0x%lx %lu", block * size, size);
    *done = status == STATUS_OK && given_add(false, block);
    if (status == STATUS_ERRORS && !linux_set_block(block, true, reason))
        report(what, reason);
    return status;
}

static bool on_node(const struct record *record, unsigned node)
{
    return node == ANY_NODE || record_number(record, "node") == node;
}

/* Whether the core is one to try: the service VM's, and not tried before. */
static bool is_candidate(const struct view *view, const struct record *cpu)
{
    cpu_id_t core = (cpu_id_t)record_number(cpu, "id");
    return strcmp(cpu->kind, "cpu") == 0 && record_is(cpu, "owner", view->service) &&
           core < MAX_CPUS && !cpu_set_has(&view->tried, core);
}

/* Take the core and its siblings: no two VMs share one. *SHORTAGE gets less. */
static int take_siblings(struct view *view, const struct record *first, unsigned *shortage)
{
    uint64_t pair = record_number(first, "core");
    for (unsigned i = view->machine.count; i-- > 0 && !linux_interrupted();) {
        const struct record *cpu = &view->machine.list[i];
        bool done = false;
        if (!is_candidate(view, cpu) || record_number(cpu, "core") != pair)
            continue;
        cpu_set_add(&view->tried, (cpu_id_t)record_number(cpu, "id"));
        int status = take_core(cpu, &done);
        if (status != STATUS_OK)
            return status;
        *shortage -= done && *shortage > 0 ? 1 : 0;
    }
    return STATUS_OK;
}

int take_listed(struct view *view, cpu_id_t core)
{
    const struct record *cpu = NULL;
    bool done;
    while ((cpu = records_next(&view->machine, "cpu", cpu)) != NULL)
        if (record_number(cpu, "id") == core && is_candidate(view, cpu)) {
            cpu_set_add(&view->tried, core);
            int status = take_core(cpu, &done);
            return status == STATUS_OK && !done ? STATUS_ERRORS : status;
        }
    return STATUS_OK; /* the pool's; or another VM's, which the monitor will say */
}

int take_cores(struct view *view, unsigned node, unsigned shortage)
{
    for (unsigned i = view->machine.count; i-- > 0 && shortage > 0 && !linux_interrupted();) {
        const struct record *cpu = &view->machine.list[i];
        int status = is_candidate(view, cpu) && on_node(cpu, node)
                         ? take_siblings(view, cpu, &shortage)
                         : STATUS_OK;
        if (status != STATUS_OK)
            return status;
    }
    if (shortage > 0)
        fprintf(stderr, "mullion: %u more core%s needed, and Linux does not release %s\n", shortage,
                shortage == 1 ? " is" : "s are", shortage == 1 ? "it" : "them");
    return shortage > 0 ? STATUS_ERRORS : STATUS_OK;
}

/* Whether the block is memory of the service VM on NODE. */
static bool is_block_ours(const struct view *view, uint64_t base, uint64_t size, unsigned node)
{
    const struct pieces *pieces = &view->pieces;
    if (!pieces_hold(pieces, view->service, base, base + size))
        return false;
    for (unsigned i = 0; i < pieces->count; i++)
        if (base - pieces->list[i].base < pieces->list[i].size)
            return node == ANY_NODE || pieces->list[i].node == node;
    return false;
}

int take_memory(struct view *view, unsigned node, uint64_t shortage)
{
    const uint32_t *blocks;
    char text[24];
    uint64_t size = linux_block_size();
    unsigned count = shortage > 0 && size > 0 ? linux_find_blocks(true, &blocks) : 0;
    for (unsigned i = 0; i < count && shortage > 0 && !linux_interrupted(); i++) {
        bool done;
        if (!is_block_ours(view, blocks[i] * size, size, node))
            continue;
        int status = take_block(blocks[i], size, &done);
        if (status != STATUS_OK)
            return status;
        if (done)
            shortage -= shortage < size ? shortage : size;
    }
    if (shortage > 0)
        fprintf(stderr, "mullion: %s more memory is needed, and Linux does not release it\n",
                fmt_size(text, sizeof(text), shortage));
    return shortage > 0 ? STATUS_ERRORS : STATUS_OK;
}
