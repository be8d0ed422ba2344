/* SPDX-License-Identifier: Apache-2.0 */
/* The keywords, each with the function that reads its values. */
#include "core/config_parser.h"
#include "core/config_units.h"

#include "lib/fmt.h"

/* `vm "web": memory 100K is ...`: the words of COMPLAINT behind keyword and value. */
static bool fail_value(struct config_parser *parser, const char *complaint)
{
    return config_fail(parser, parser->value.at, "%s %s %s", parser->keyword->word,
                       config_token_show(&parser->value).text, complaint);
}

/* 1 if TOKEN is FIRST, 2 if it is SECOND, else 0. */
static unsigned choose(const struct config_token *token, const char *first, const char *second)
{
    return config_token_is(token, first) ? 1 : config_token_is(token, second) ? 2 : 0;
}

static bool copy_text(struct config_parser *parser, char *buffer, size_t size)
{
    return config_token_copy(&parser->value, buffer, size) ||
           config_fail(parser, parser->value.at, "%s is too long; write at most %zu characters",
                       parser->keyword->word, size - 1);
}

static bool copy_module(struct config_parser *parser, char *name)
{
    if (parser->value.length == 0)
        return config_fail(parser, parser->value.at, "%s \"\" is empty; write for example: %s",
                           parser->keyword->word, parser->keyword->example);
    return copy_text(parser, name, CONFIG_PATH_MAX);
}

static bool is_none(const struct config_token *value)
{
    return value->kind == CONFIG_TOKEN_WORD && config_token_is(value, "none");
}

/* The cores of one item of a list, "4" or "4-7". */
static bool add_cores(struct config_parser *parser, struct cpu_set *cpus, const char *item,
                      size_t length)
{
    uint64_t first, last;
    if (!config_units_range(item, length, &first, &last))
        return fail_value(parser,
                          "is no number and no list; write for example 2, or 0,2,4-7, or 3-3");
    if (first > last)
        return fail_value(parser, "has a range that runs backwards; write it as 4-7");
    if (last >= MAX_CPUS)
        return fail_value(parser, "has a core beyond 255; write 0 to 255");
    for (cpu_id_t cpu = (cpu_id_t)first; cpu <= last; cpu++) {
        if (cpu_set_has(cpus, cpu))
            return fail_value(parser, "names a core twice; write each one once");
        cpu_set_add(cpus, cpu);
    }
    return true;
}

static bool read_cpus(struct config_parser *parser, struct config_vm *vm)
{
    const struct config_token *value = &parser->value;
    uint64_t count;
    vm->cpu_listed = !config_units_number(value->text, value->length, &count);
    for (size_t start = 0, end; vm->cpu_listed && start <= value->length; start = end + 1) {
        for (end = start; end < value->length && value->text[end] != ',';)
            end++;
        if (!add_cores(parser, &vm->cpu_list, value->text + start, end - start))
            return false;
    }
    if (vm->cpu_listed)
        count = cpu_set_count(&vm->cpu_list);
    if (count == 0)
        return fail_value(parser, "is no core at all; write at least 1");
    if (count > MAX_CPUS)
        return fail_value(parser, "is more than 256; write at most 256");
    vm->cpu_count = (unsigned)count;
    return true;
}

static bool read_cpus_most(struct config_parser *parser, struct config_vm *vm)
{
    uint64_t most;
    if (!config_units_number(parser->value.text, parser->value.length, &most))
        return fail_value(parser, "is no number; write for example 4");
    if (most == 0 || most > MAX_CPUS)
        return fail_value(parser, "is not possible; write 1 to 256");
    vm->cpus_most = (unsigned)most;
    return true;
}

static bool read_size(struct config_parser *parser, uint64_t *bytes)
{
    char size[24];
    if (!config_units_size(parser->value.text, parser->value.length, bytes))
        return fail_value(parser, "is no size; write a number with K, M, G or T, for example 512M");
    if (*bytes < CONFIG_MEMORY_MIN)
        return fail_value(parser, "is less than 16M; write at least 16M");
    if (*bytes > CONFIG_MEMORY_MAX)
        return fail_value(parser, "is more than 64T; write at most 64T");
    if (*bytes % LARGE_PAGE != 0)
        return config_fail(parser, parser->value.at,
                           "%s %s is not a multiple of 2M; write for example %s",
                           parser->keyword->word, config_token_show(&parser->value).text,
                           fmt_size(size, sizeof(size), align_up(*bytes, LARGE_PAGE)));
    return true;
}

static bool read_memory(struct config_parser *parser, struct config_vm *vm)
{
    return read_size(parser, &vm->memory);
}

static bool read_memory_most(struct config_parser *parser, struct config_vm *vm)
{
    return is_none(&parser->value) || read_size(parser, &vm->memory_most);
}

static bool read_node(struct config_parser *parser, struct config_vm *vm)
{
    uint64_t node = CONFIG_NODE_ANY;
    bool any = config_token_is(&parser->value, "any");
    if (!any && !config_units_number(parser->value.text, parser->value.length, &node))
        return fail_value(parser, "is no node; write its number, or any");
    if (!any && node >= MAX_NODES)
        return fail_value(parser, "is beyond 15; write 0 to 15, or any");
    vm->node = (uint32_t)node;
    return true;
}

static bool read_kernel(struct config_parser *parser, struct config_vm *vm)
{
    return copy_module(parser, vm->kernel);
}

static bool read_initrd(struct config_parser *parser, struct config_vm *vm)
{
    return is_none(&parser->value) || copy_module(parser, vm->initrd);
}

static bool read_modules(struct config_parser *parser, struct config_vm *vm)
{
    if (is_none(&parser->value))
        return true;
    while (copy_module(parser, vm->modules[vm->module_count++])) {
        if (!config_has_value(parser))
            return true;
        if (vm->module_count == CONFIG_VM_MODULES)
            return config_fail(parser, parser->token.at,
                               "there are more than %u modules; write at most %u",
                               CONFIG_VM_MODULES, CONFIG_VM_MODULES);
        config_read_value(parser);
    }
    return false;
}

static bool read_cmdline(struct config_parser *parser, struct config_vm *vm)
{
    return copy_text(parser, vm->cmdline, sizeof(vm->cmdline));
}

static bool read_console(struct config_parser *parser, struct config_vm *vm)
{
    vm->console = (enum config_console)choose(&parser->value, "uart", "none");
    return vm->console != CONFIG_CONSOLE_DEFAULT ||
           fail_value(parser, "is not known; write uart or none");
}

/* NAME becomes the value, which has to look like a name. */
static bool copy_name(struct config_parser *parser, char *name)
{
    return (config_is_name(&parser->value) ||
            fail_value(parser, "has other characters than a-z, 0-9, - and _; write for example "
                               "lan-1")) &&
           copy_text(parser, name, CONFIG_NAME_MAX);
}

static bool read_network(struct config_parser *parser, struct config_vm *vm)
{
    return is_none(&parser->value) || copy_name(parser, vm->network);
}

static bool read_peers(struct config_parser *parser, struct config_vm *vm)
{
    if (is_none(&parser->value))
        return true;
    while (copy_name(parser, vm->peers[vm->peer_count++])) {
        if (!config_has_value(parser))
            return true;
        if (vm->peer_count == CONFIG_PEERS_MAX)
            return config_fail(parser, parser->token.at,
                               "there are more than %u peers; write at most %u, and this VM among "
                               "the peers of the others",
                               CONFIG_PEERS_MAX, CONFIG_PEERS_MAX);
        config_read_value(parser);
    }
    return false;
}

static bool read_like(struct config_parser *parser, struct config_vm *vm)
{
    parser->like[vm - parser->config->vms] = parser->value;
    return true;
}

static bool read_smt(struct config_parser *parser, struct config_vm *vm)
{
    (void)parser;
    vm->allow_smt_sharing = true;
    return true;
}

static bool read_profile(struct config_parser *parser, struct config_vm *vm)
{
    parser->profile[vm - parser->config->vms] = parser->value;
    return true;
}

static bool read_strict(struct config_parser *parser, struct config_vm *vm)
{
    (void)vm;
    parser->config->strict = true;
    return true;
}

static bool read_poweroff(struct config_parser *parser, struct config_vm *vm)
{
    (void)vm;
    if (config_token_is(&parser->value, "service"))
        parser->config->poweroff = CONFIG_POWEROFF_SERVICE;
    return choose(&parser->value, "last", "service") != 0 ||
           config_fail(parser, parser->value.at,
                       "poweroff \"%s\" is not known; write last or service",
                       config_token_show(&parser->value).text);
}

#define USE(how)  .use = CONFIG_USE_##how
#define TOP(how)  .top = true, .use = CONFIG_USE_##how
#define CONTROL   .control = true, .use = CONFIG_USE_OFTEN
#define EVENT(is) .event = CONTROL_##is, CONTROL
#define AT(name)  .at = offsetof(struct config_vm, name)
#define END(name) (offsetof(struct config_vm, name) + sizeof(((struct config_vm *)0)->name))
#define FIELDS(first, last)                                                                        \
    .field = offsetof(struct config_vm, first),                                                    \
    .size = END(last) - offsetof(struct config_vm, first)

const struct config_keyword config_keywords[] = {
    {"service", "service host { cpus 2 }", config_read_block, TOP(BLOCK)},
    {"vm", "vm web { cpus 2 }", config_read_block, TOP(BLOCK)},
    {"strict", "strict", read_strict, TOP(BARE)},
    {"poweroff", "poweroff last", read_poweroff, TOP(ONCE)},
    {"cpus", "cpus 2", read_cpus, FIELDS(cpu_count, cpu_list), AT(cpus_at)},
    {"cpus-most", "cpus-most 4", read_cpus_most, FIELDS(cpus_most, cpus_most), AT(cpus_most_at)},
    {"memory", "memory 512M", read_memory, FIELDS(memory, memory), AT(memory_at)},
    {"memory-most", "memory-most 2G", read_memory_most, FIELDS(memory_most, memory_most),
     AT(memory_most_at)},
    {"node", "node 0", read_node, FIELDS(node, node), AT(node_at)},
    {"kernel", "kernel vmlinuz", read_kernel, FIELDS(kernel, kernel), AT(kernel_at)},
    {"initrd", "initrd guest.img", read_initrd, FIELDS(initrd, initrd), AT(initrd_at)},
    {"modules", "modules unikernel.bin data.img", read_modules, FIELDS(modules, module_count),
     AT(modules_at)},
    {"cmdline", "cmdline \"console=ttyS0 quiet\"", read_cmdline, FIELDS(cmdline, cmdline)},
    {"console", "console uart", read_console, FIELDS(console, console)},
    {"network", "network lan", read_network, FIELDS(network, network)},
    {"peers", "peers web db", read_peers, FIELDS(peers, peer_count), AT(peers_at)},
    {"like", "like web", read_like, USE(ONCE)},
    {"profile", "profile traced { rdtsc count }", config_read_profile, TOP(BLOCK)},
    {"profile", "profile traced", read_profile, USE(ONCE)},
    {"allow-smt-sharing", "allow-smt-sharing", read_smt, USE(BARE),
     FIELDS(allow_smt_sharing, allow_smt_sharing)},
    {"unlisted", "unlisted audit", config_read_unlisted, CONTROL},
    {"port", "port 0x70-0x71 allow", config_read_port, CONTROL},
    {"msr", "msr 0x1a0 write deny", config_read_msr, CONTROL},
    {"exception", "exception 14 count", config_read_exception, CONTROL},
    {"hlt", "hlt count", config_read_event, EVENT(HLT)},
    {"pause", "pause count", config_read_event, EVENT(PAUSE)},
    {"monitor", "monitor count", config_read_event, EVENT(MONITOR)},
    {"mwait", "mwait count", config_read_event, EVENT(MWAIT)},
    {"rdtsc", "rdtsc count", config_read_event, EVENT(RDTSC)},
    {"rdtscp", "rdtscp count", config_read_event, EVENT(RDTSCP)},
    {"rdpmc", "rdpmc count", config_read_event, EVENT(RDPMC)},
    {"invlpg", "invlpg count", config_read_event, EVENT(INVLPG)},
    {"wbinvd", "wbinvd count", config_read_event, EVENT(WBINVD)},
    {"cr0", "cr0 0x10000 count", config_read_register, EVENT(CR0)},
    {"cr3", "cr3 count", config_read_event, EVENT(CR3)},
    {"cr4", "cr4 0x100000 count", config_read_register, EVENT(CR4)},
    {"dr", "dr count", config_read_event, EVENT(DR)},
    {"descriptor-tables", "descriptor-tables count", config_read_event, EVENT(TABLES)},
    {"xsetbv", "xsetbv count", config_read_event, EVENT(XSETBV)},
    {"invd", "invd count", config_read_event, EVENT(INVD)},
    {"software-interrupts", "software-interrupts count", config_read_event, EVENT(SWINT)},
    {"cpuid", "cpuid 0x7.0 ebx mask 0xfffffffe", config_read_cpuid, EVENT(CPUID)},
    {"pause-filter", "pause-filter 3000 128", config_read_pause_filter, CONTROL},
    {"tsc-offset", "tsc-offset -1000000", config_read_tsc_offset, CONTROL},
    {0},
};
