/* SPDX-License-Identifier: Apache-2.0 */
/* The keywords of a VM's block, each with the function that reads its values. */
#include "core/config_parser.h"
#include "core/config_units.h"

#include "lib/fmt.h"
#include "lib/string.h"

#define TEXT_MAX 40u /* so much of a wrong value is repeated in a message */

/* `vm "web": memory 100K is ...`: the words of COMPLAINT behind keyword and value. */
static bool fail_value(struct config_parser *parser, const struct config_token *value,
                       const char *complaint)
{
    char text[TEXT_MAX];
    return config_parser_fail(parser, value->at, "%s %s %s", parser->keyword->word,
                              config_token_text(value, text, sizeof(text)), complaint);
}

static bool read_text(struct config_parser *parser, char *buffer, size_t size)
{
    struct config_token value;
    if (!config_parser_value(parser, &value))
        return false;
    if (!config_token_copy(&value, buffer, size))
        return config_parser_fail(parser, value.at, "%s is too long; write at most %zu characters",
                                  parser->keyword->word, size - 1);
    return true;
}

/* A module's name; "none" gives "". */
static bool read_module(struct config_parser *parser, char *name, bool may_be_none)
{
    struct config_token value = parser->token;
    if (!read_text(parser, name, CONFIG_PATH_MAX))
        return false;
    if (value.length == 0)
        return config_parser_fail(parser, value.at, "%s \"\" is empty; write for example: %s",
                                  parser->keyword->word, parser->keyword->example);
    if (may_be_none && value.kind == CONFIG_TOKEN_WORD && config_token_is(&value, "none"))
        name[0] = '\0';
    return true;
}

/* The cores of one item of a list, "4" or "4-7". */
static bool add_cores(struct config_parser *parser, const struct config_token *value,
                      const char *item, size_t length)
{
    struct config_vm *vm = config_parser_vm(parser);
    uint64_t first, last;
    if (!config_units_range(item, length, &first, &last))
        return fail_value(parser, value,
                          "is no number and no list; write for example 2, or 0,2,4-7, or 3-3");
    if (first > last)
        return fail_value(parser, value, "has a range that runs backwards; write it as 4-7");
    if (last >= MAX_CPUS)
        return fail_value(parser, value, "has a core beyond 255; write 0 to 255");
    for (cpu_id_t cpu = (cpu_id_t)first; cpu <= last; cpu++) {
        if (cpu_set_has(&vm->cpu_list, cpu))
            return fail_value(parser, value, "names a core twice; write each one once");
        cpu_set_add(&vm->cpu_list, cpu);
    }
    return true;
}

static bool read_cpus(struct config_parser *parser)
{
    struct config_vm *vm = config_parser_vm(parser);
    struct config_token value;
    uint64_t count;
    vm->cpus_at = parser->keyword_at;
    if (!config_parser_value(parser, &value))
        return false;
    if (config_units_number(value.text, value.length, &count)) {
        if (count == 0)
            return fail_value(parser, &value, "is no core at all; write at least 1");
        if (count > MAX_CPUS)
            return fail_value(parser, &value, "is more than 256; write at most 256");
        vm->cpu_count = (unsigned)count;
        return true;
    }
    vm->cpu_listed = true;
    for (size_t start = 0, end; start <= value.length; start = end + 1) {
        for (end = start; end < value.length && value.text[end] != ',';)
            end++;
        if (!add_cores(parser, &value, value.text + start, end - start))
            return false;
    }
    vm->cpu_count = cpu_set_count(&vm->cpu_list);
    return true;
}

static bool read_memory(struct config_parser *parser)
{
    struct config_vm *vm = config_parser_vm(parser);
    struct config_token value;
    vm->memory_at = parser->keyword_at;
    if (!config_parser_value(parser, &value))
        return false;
    if (!config_units_size(value.text, value.length, &vm->memory))
        return fail_value(parser, &value,
                          "is no size; write a number with K, M, G or T, for example 512M");
    if (vm->memory < CONFIG_MEMORY_MIN)
        return fail_value(parser, &value, "is less than 16M; write at least 16M");
    if (vm->memory > CONFIG_MEMORY_MAX)
        return fail_value(parser, &value, "is more than 64T; write at most 64T");
    if (vm->memory % LARGE_PAGE != 0) {
        char text[TEXT_MAX];
        char size[24];
        return config_parser_fail(parser, value.at,
                                  "memory %s is not a multiple of 2M; write for example %s",
                                  config_token_text(&value, text, sizeof(text)),
                                  fmt_size(size, sizeof(size), align_up(vm->memory, LARGE_PAGE)));
    }
    return true;
}

static bool read_node(struct config_parser *parser)
{
    struct config_vm *vm = config_parser_vm(parser);
    struct config_token value;
    uint64_t node = CONFIG_NODE_ANY;
    vm->node_at = parser->keyword_at;
    if (!config_parser_value(parser, &value))
        return false;
    if (!config_token_is(&value, "any")) {
        if (!config_units_number(value.text, value.length, &node))
            return fail_value(parser, &value, "is no node; write its number, or any");
        if (node >= MAX_NODES)
            return fail_value(parser, &value, "is beyond 15; write 0 to 15, or any");
    }
    vm->node = (uint32_t)node;
    return true;
}

static bool read_kernel(struct config_parser *parser)
{
    struct config_vm *vm = config_parser_vm(parser);
    vm->kernel_at = parser->keyword_at;
    return read_module(parser, vm->kernel, false);
}

static bool read_initrd(struct config_parser *parser)
{
    struct config_vm *vm = config_parser_vm(parser);
    vm->initrd_at = parser->keyword_at;
    return read_module(parser, vm->initrd, true);
}

static bool read_modules(struct config_parser *parser)
{
    struct config_vm *vm = config_parser_vm(parser);
    vm->modules_at = parser->keyword_at;
    do {
        if (vm->module_count == CONFIG_VM_MODULES)
            return config_parser_fail(parser, parser->token.at,
                                      "there are more than %u modules; write at most %u",
                                      CONFIG_VM_MODULES, CONFIG_VM_MODULES);
        if (!read_module(parser, vm->modules[vm->module_count], vm->module_count == 0))
            return false;
        if (vm->modules[vm->module_count][0] == '\0')
            return true; /* `modules none` */
        vm->module_count++;
    } while (config_parser_has_value(parser));
    return true;
}

static bool read_cmdline(struct config_parser *parser)
{
    return read_text(parser, config_parser_vm(parser)->cmdline, CONFIG_CMDLINE_MAX);
}

static bool read_console(struct config_parser *parser)
{
    struct config_token value;
    if (!config_parser_value(parser, &value))
        return false;
    bool uart = config_token_is(&value, "uart");
    if (!uart && !config_token_is(&value, "none"))
        return fail_value(parser, &value, "is not known; write uart or none");
    config_parser_vm(parser)->console = uart ? CONFIG_CONSOLE_UART : CONFIG_CONSOLE_NONE;
    return true;
}

static bool read_like(struct config_parser *parser)
{
    return config_parser_value(parser, &parser->like[parser->vm]);
}

static bool read_smt(struct config_parser *parser)
{
    config_parser_vm(parser)->allow_smt_sharing = true;
    return true;
}

static bool read_action(struct config_parser *parser, struct config_rule *rule)
{
    struct config_token value;
    if (!config_parser_value(parser, &value))
        return false;
    rule->allow = config_token_is(&value, "allow");
    if (!rule->allow && !config_token_is(&value, "deny"))
        return fail_value(parser, &value, "is not known; write allow or deny");
    return true;
}

/* The addresses of a rule, at most MAX; room for it in RULES, of which COUNT are taken. */
static bool read_rule(struct config_parser *parser, struct config_rule *rules, unsigned count,
                      uint32_t max)
{
    struct config_token value;
    uint64_t first, last;
    if (count == CONFIG_RULES_MAX)
        return config_parser_fail(
            parser, parser->keyword_at, "there are more than %u %s rules; write ranges such as %s",
            CONFIG_RULES_MAX, parser->keyword->word, parser->keyword->example);
    if (!config_parser_value(parser, &value))
        return false;
    if (!config_units_range(value.text, value.length, &first, &last))
        return fail_value(parser, &value, "is no number and no range; write for example 0x70-0x71");
    if (first > last)
        return fail_value(parser, &value, "runs backwards; write the lower number first");
    if (last > max)
        return config_parser_fail(parser, value.at, "%s numbers end at 0x%x; write a lower one",
                                  parser->keyword->word, max);
    rules[count] = (struct config_rule){.first = (uint32_t)first,
                                        .last = (uint32_t)last,
                                        .access = CONFIG_ACCESS_BOTH,
                                        .at = parser->keyword_at};
    return true;
}

static bool read_port(struct config_parser *parser)
{
    struct config_vm *vm = config_parser_vm(parser);
    return read_rule(parser, vm->ports, vm->port_rules, UINT16_MAX) &&
           read_action(parser, &vm->ports[vm->port_rules++]);
}

static bool read_msr(struct config_parser *parser)
{
    struct config_vm *vm = config_parser_vm(parser);
    if (!read_rule(parser, vm->msrs, vm->msr_rules, UINT32_MAX))
        return false;
    struct config_rule *rule = &vm->msrs[vm->msr_rules++];
    if (config_token_is(&parser->token, "read"))
        rule->access = CONFIG_ACCESS_READ;
    else if (config_token_is(&parser->token, "write"))
        rule->access = CONFIG_ACCESS_WRITE;
    if (rule->access != CONFIG_ACCESS_BOTH)
        config_parser_next(parser);
    return read_action(parser, rule);
}

static const struct config_keyword vm_keywords[CONFIG_VM_WORDS] = {
    [CONFIG_WORD_CPUS] = {"cpus", read_cpus, "cpus 2", CONFIG_USE_ONCE},
    [CONFIG_WORD_MEMORY] = {"memory", read_memory, "memory 512M", CONFIG_USE_ONCE},
    [CONFIG_WORD_NODE] = {"node", read_node, "node 0", CONFIG_USE_ONCE},
    [CONFIG_WORD_KERNEL] = {"kernel", read_kernel, "kernel vmlinuz", CONFIG_USE_ONCE},
    [CONFIG_WORD_INITRD] = {"initrd", read_initrd, "initrd guest.img", CONFIG_USE_ONCE},
    [CONFIG_WORD_MODULES] = {"modules", read_modules, "modules unikernel.bin data.img",
                             CONFIG_USE_ONCE},
    [CONFIG_WORD_CMDLINE] = {"cmdline", read_cmdline, "cmdline \"console=ttyS0 quiet\"",
                             CONFIG_USE_ONCE},
    [CONFIG_WORD_CONSOLE] = {"console", read_console, "console uart", CONFIG_USE_ONCE},
    [CONFIG_WORD_LIKE] = {"like", read_like, "like web", CONFIG_USE_ONCE},
    [CONFIG_WORD_SMT] = {"allow-smt-sharing", read_smt, "allow-smt-sharing", CONFIG_USE_ONCE},
    [CONFIG_WORD_PORT] = {"port", read_port, "port 0x70-0x71 allow", CONFIG_USE_OFTEN},
    [CONFIG_WORD_MSR] = {"msr", read_msr, "msr 0x1a0 write deny", CONFIG_USE_OFTEN},
};

const struct config_level config_vm_level = {vm_keywords, CONFIG_VM_WORDS};
