/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM's block leaves out: taken from the VM that `like` names, else from the defaults. */
#include "core/config_parser.h"

#include "lib/string.h"

static const struct config_vm defaults = {
    .cpu_count = 1,
    .memory = 512 * MIB,
    .node = CONFIG_NODE_ANY,
    .kernel = "vmlinuz",
    .cmdline = "console=ttyS0",
    .console = CONFIG_CONSOLE_UART,
};

static void copy_places(struct config_vm *vm, const struct config_vm *from, uint32_t seen,
                        struct config_position at)
{
    if ((seen & 1u << CONFIG_WORD_CPUS) == 0) {
        vm->cpu_count = from->cpu_count;
        vm->cpu_listed = from->cpu_listed;
        vm->cpu_list = from->cpu_list;
        vm->cpus_at = at;
    }
    if ((seen & 1u << CONFIG_WORD_MEMORY) == 0) {
        vm->memory = from->memory;
        vm->memory_at = at;
    }
    if ((seen & 1u << CONFIG_WORD_NODE) == 0) {
        vm->node = from->node;
        vm->node_at = at;
    }
    if ((seen & 1u << CONFIG_WORD_SMT) == 0)
        vm->allow_smt_sharing = from->allow_smt_sharing;
}

static void copy_texts(struct config_vm *vm, const struct config_vm *from, uint32_t seen,
                       struct config_position at)
{
    if ((seen & 1u << CONFIG_WORD_KERNEL) == 0) {
        memcpy(vm->kernel, from->kernel, sizeof(vm->kernel));
        vm->kernel_at = at;
    }
    if ((seen & 1u << CONFIG_WORD_INITRD) == 0) {
        memcpy(vm->initrd, from->initrd, sizeof(vm->initrd));
        vm->initrd_at = at;
    }
    if ((seen & 1u << CONFIG_WORD_MODULES) == 0) {
        memcpy(vm->modules, from->modules, sizeof(vm->modules));
        vm->module_count = from->module_count;
        vm->modules_at = at;
    }
    if ((seen & 1u << CONFIG_WORD_CMDLINE) == 0)
        memcpy(vm->cmdline, from->cmdline, sizeof(vm->cmdline));
    if ((seen & 1u << CONFIG_WORD_CONSOLE) == 0)
        vm->console = from->console;
}

/* The copied rules go before the VM's own, which win over them; false if there are too many. */
static bool copy_rules(struct config_rule *rules, unsigned *count, const struct config_rule *from,
                       unsigned from_count)
{
    if (*count + from_count > CONFIG_RULES_MAX)
        return false;
    memmove(rules + from_count, rules, *count * sizeof(*rules));
    memcpy(rules, from, from_count * sizeof(*rules));
    *count += from_count;
    return true;
}

static bool copy_settings(struct config_parser *parser, const struct config_vm *from,
                          struct config_position at)
{
    struct config_vm *vm = config_parser_vm(parser);
    copy_places(vm, from, parser->vm_seen[parser->vm], at);
    copy_texts(vm, from, parser->vm_seen[parser->vm], at);
    return (copy_rules(vm->ports, &vm->port_rules, from->ports, from->port_rules) &&
            copy_rules(vm->msrs, &vm->msr_rules, from->msrs, from->msr_rules)) ||
           config_parser_fail(parser, at,
                              "has more than %u rules with those of \"%s\"; write ranges",
                              CONFIG_RULES_MAX, from->name);
}

static bool has_like(const struct config_parser *parser, int vm)
{
    return (parser->vm_seen[vm] & 1u << CONFIG_WORD_LIKE) != 0;
}

static int find_vm(const struct config_parser *parser, const struct config_token *name)
{
    for (unsigned i = 0; i < parser->config->vm_count; i++)
        if (config_token_is(name, parser->config->vms[i].name))
            return (int)i;
    return -1;
}

/* Complete the VM if what it is like is known; DONE has the VMs that are complete. */
static bool complete_vm(struct config_parser *parser, uint32_t done)
{
    struct config_vm *vm = config_parser_vm(parser);
    char text[40];
    if (vm->spoilt || !has_like(parser, parser->vm)) {
        copy_settings(parser, &defaults, vm->at);
        return true;
    }
    const struct config_token *name = &parser->like[parser->vm];
    int like = find_vm(parser, name);
    config_token_text(name, text, sizeof(text));
    if (like < 0) {
        copy_settings(parser, &defaults, vm->at);
        config_parser_fail(parser, name->at, "like %s names no VM; write the name of another one",
                           text);
        return true;
    }
    if ((done & 1u << like) == 0)
        return false;
    if (parser->config->vms[like].spoilt)
        config_parser_fail(parser, name->at,
                           "like %s copies a VM that has an error; correct \"%s\"", text, text);
    else
        copy_settings(parser, &parser->config->vms[like], name->at);
    return true;
}

void config_parser_complete(struct config_parser *parser)
{
    struct config *config = parser->config;
    uint32_t done = 0;
    uint32_t before;
    do {
        before = done;
        for (parser->vm = 0; parser->vm < (int)config->vm_count; parser->vm++)
            if ((done & 1u << parser->vm) == 0 && complete_vm(parser, done))
                done |= 1u << parser->vm;
    } while (done != before);
    /* What is left copies itself, by way of others perhaps. */
    for (parser->vm = 0; parser->vm < (int)config->vm_count; parser->vm++)
        if ((done & 1u << parser->vm) == 0 && !config_parser_vm(parser)->spoilt)
            config_parser_fail(
                parser, parser->like[parser->vm].at,
                "like leads back to this VM; write a VM that has settings of its own");
    parser->vm = -1;
}
