/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin for QEMU's TCG. Counts instructions inside and outside of guests, and exits by reason.
 * A program says when to note the counts: with a NOP that nobody else uses, and an id in EAX. */
#include "count.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATTERNS = 4, PATTERN_SIZE = 32, ID_SHORT = 0x100, ID_END = 0xffff };

EXPORT int qemu_plugin_version = 4; /* QEMU 9.2 and newer */
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

struct processor processors[MAX_PROCESSORS];
static struct score total, returns, nops;
static enum { BARE, SVM, XEN } kind;

/* Places to note the counts at, recognized by the code that is there. */
static struct pattern {
    uint64_t id;
    size_t size;
    uint8_t bytes[PATTERN_SIZE];
} patterns[MAX_PATTERNS];
static size_t pattern_count;

uint64_t executed(unsigned cpu)
{
    return qemu_plugin_u64_get(total, cpu);
}

uint64_t returned(unsigned cpu)
{
    return qemu_plugin_u64_get(returns, cpu);
}

uint64_t padding(unsigned cpu)
{
    return qemu_plugin_u64_get(nops, cpu);
}

static void settle(unsigned cpu)
{
    struct processor *p = &processors[cpu];
    uint64_t now = executed(cpu), passed = now - p->since;

    if (p->inside)
        p->guest += passed;
    else
        p->host += passed;
    if (!p->inside && p->last) {
        p->last->instructions += passed;
        if (passed < p->last->least)
            p->last->least = passed;
        if (passed > p->last->most)
            p->last->most = passed;
    }
    p->since = now;
}

void guest_entered(unsigned cpu)
{
    struct processor *p = &processors[cpu];

    settle(cpu);
    p->inside = true;
    p->entries++;
}

static struct reason *find(struct processor *p, uint64_t code, uint64_t detail)
{
    for (size_t turn = 0, at = (code * 31 + detail) % MAX_REASONS; turn < MAX_REASONS; turn++) {
        struct reason *reason = &p->reasons[(at + turn) % MAX_REASONS];
        if (reason->count == 0)
            *reason = (struct reason){.code = code, .detail = detail, .least = UINT64_MAX};
        if (reason->code == code && reason->detail == detail)
            return reason;
    }
    fprintf(stderr, "bench plugin: more than %d reasons to leave the guest\n", MAX_REASONS);
    abort();
}

void guest_left(unsigned cpu, uint64_t code, uint64_t detail)
{
    struct processor *p = &processors[cpu];

    settle(cpu);
    p->inside = false;
    p->last = find(p, code, detail);
    p->last->count++;
}

static void marked(unsigned cpu, void *data)
{
    uint64_t id = register_rax(cpu) & 0xffffffff;

    (void)data;
    if (id >= ID_SHORT && id != ID_END)
        output_short(cpu, id);
    else
        output_full(cpu, id);
}

static void pattern_reached(unsigned cpu, void *data)
{
    const struct pattern *pattern = data;

    output_full(cpu, pattern->id);
}

static void look_for_patterns(struct qemu_plugin_insn *insn)
{
    const uint8_t *code = qemu_plugin_insn_haddr(insn);
    size_t rest = 4096 - (qemu_plugin_insn_vaddr(insn) & 4095); /* of its page */

    for (size_t i = 0; i < pattern_count && code; i++)
        if (patterns[i].size <= rest && memcmp(code, patterns[i].bytes, patterns[i].size) == 0)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, pattern_reached, NO_REGISTERS,
                                                   &patterns[i]);
}

static void look_for_marker(struct qemu_plugin_insn *insn)
{
    static const uint8_t marker[] = {0x0f, 0x1f, 0x80, 'M', 'A', 'R', 'K'};
    uint8_t bytes[sizeof(marker)];

    if (qemu_plugin_insn_size(insn) == sizeof(marker) &&
        qemu_plugin_insn_data(insn, bytes, sizeof(bytes)) == sizeof(bytes) &&
        memcmp(bytes, marker, sizeof(marker)) == 0)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, READ_REGISTERS, NULL);
}

/* IRET: with the same number of page faults, more of them means that an interrupt was taken. */
static void look_for_return(struct qemu_plugin_insn *insn)
{
    uint8_t bytes[2] = {0};
    size_t size = qemu_plugin_insn_size(insn);

    if (size > sizeof(bytes) || qemu_plugin_insn_data(insn, bytes, size) != size)
        return;
    if (bytes[size - 1] == 0xcf && (size == 1 || bytes[0] == 0x48))
        qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, ADD, returns, 1);
}

/* 90, or 0F 1F, behind any prefixes that compilers and assemblers lengthen it with. */
static void look_for_nop(struct qemu_plugin_insn *insn)
{
    uint8_t bytes[15] = {0};
    size_t at = 0, size = qemu_plugin_insn_size(insn);

    if (size > sizeof(bytes) || qemu_plugin_insn_data(insn, bytes, size) != size)
        return;
    while (at + 1 < size && (bytes[at] == 0x66 || bytes[at] == 0x2e))
        at++;
    if ((bytes[at] == 0x90 && at + 1 == size) ||
        (at + 1 < size && bytes[at] == 0x0f && bytes[at + 1] == 0x1f))
        qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, ADD, nops, 1);
}

/* Instructions are counted one by one: a fault in the middle of a block must not count its rest. */
static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, ADD, total, 1);
        look_for_patterns(insn);
        look_for_marker(insn);
        look_for_return(insn);
        look_for_nop(insn);
    }
    if (kind == SVM)
        svm_translated(tb);
    else if (kind == XEN)
        xen_translated(tb);
}

static void processor_started(plugin_id id, unsigned cpu)
{
    (void)id;
    if (cpu >= MAX_PROCESSORS) {
        fprintf(stderr, "bench plugin: more than %d processors\n", MAX_PROCESSORS);
        abort();
    }
    processors[cpu].started = true;
    processors[cpu].inside = kind == BARE;
}

static void ended(plugin_id id, void *data)
{
    (void)id;
    (void)data;
    output_full(0, ID_END);
}

/* pattern=ID:HEX */
static bool pattern_add(const char *text)
{
    char *hex;
    struct pattern *pattern = &patterns[pattern_count];

    if (pattern_count == MAX_PATTERNS)
        return false;
    pattern->id = strtoull(text, &hex, 0);
    if (*hex++ != ':')
        return false;
    while (pattern->size < PATTERN_SIZE && hex[0] && hex[1]) {
        char digits[] = {hex[0], hex[1], 0};
        pattern->bytes[pattern->size++] = (uint8_t)strtoul(digits, NULL, 16);
        hex += 2;
    }
    pattern_count++;
    return *hex == '\0';
}

static bool option(const char *text)
{
    const char *value = strchr(text, '=');

    if (!value)
        return false;
    value++;
    if (strncmp(text, "out=", 4) == 0)
        return output_open(value);
    if (strncmp(text, "pattern=", 8) == 0)
        return pattern_add(value);
    if (strncmp(text, "direct=", 7) == 0) {
        svm_direct = strtoull(value, NULL, 0);
        return true;
    }
    if (strncmp(text, "kind=", 5) != 0)
        return false;
    kind = strcmp(value, "svm") == 0 ? SVM : strcmp(value, "xen") == 0 ? XEN : BARE;
    return true;
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (!option(argv[i])) {
            fprintf(stderr, "bench plugin: cannot take `%s`\n", argv[i]);
            return -1;
        }
    total.board = returns.board = nops.board = qemu_plugin_scoreboard_new(3 * sizeof(uint64_t));
    returns.offset = sizeof(uint64_t);
    nops.offset = 2 * sizeof(uint64_t);
    if (kind == XEN)
        xen_init();
    qemu_plugin_register_vcpu_init_cb(id, processor_started);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
