/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM's block leaves out: taken from the VM that `like` names, else from the defaults. */
#include "core/config_parser.h"

#include "lib/fmt.h"
#include "lib/string.h"

static const struct config_vm defaults = {
    .cpu_count = 1,
    .memory = 512 * MIB,
    .node = CONFIG_NODE_ANY,
    .kernel = "vmlinuz",
    .cmdline = "console=ttyS0",
    .console = CONFIG_CONSOLE_UART,
};

/* Controls that the block leaves out are as in BASE, of which NAME is told. */
static void copy_controls(struct config_parser *parser, const struct controls *base,
                          const char *name, struct config_position at)
{
    if (!controls_add_base(&parser->config->vms[parser->vm].controls, base))
        config_fail(parser, at, "has more than %u rules with those of \"%s\"; write ranges",
                    CONTROL_RULES_MAX, name);
}

/* The block's profile, which wins over what `like` copies. */
static void copy_profile(struct config_parser *parser)
{
    const struct config *config = parser->config;
    const struct config_token *name = &parser->profile[parser->vm];
    for (unsigned i = 0; i < config->profile_count && name->text != NULL; i++) {
        const struct config_profile *profile = &config->profiles[i];
        if (!config_token_is(name, profile->name))
            continue;
        copy_controls(parser, &profile->controls, profile->name, name->at);
        return;
    }
    if (name->text != NULL)
        config_fail(parser, name->at, "profile %s is none of this file; write: profile %s { ... }",
                    config_token_show(name).text, config_token_show(name).text);
}

/* What the block leaves out is as in FROM; AT is where that is said. */
static void copy_settings(struct config_parser *parser, const struct config_vm *from,
                          struct config_position at)
{
    struct config_vm *vm = &parser->config->vms[parser->vm];
    for (unsigned i = 0; config_keywords[i].word != NULL; i++) {
        const struct config_keyword *keyword = &config_keywords[i];
        if ((parser->seen[parser->vm + 1] & 1ull << i) != 0)
            continue;
        memcpy((char *)vm + keyword->field, (const char *)from + keyword->field, keyword->size);
        if (keyword->at != 0)
            memcpy((char *)vm + keyword->at, &at, sizeof(at));
    }
    copy_profile(parser);
    copy_controls(parser, &from->controls, from->name, at);
}

/* The VM named NAME, or NULL. */
static const struct config_vm *find_vm(const struct config *config, const struct config_token *name)
{
    for (const struct config_vm *vm = config->vms; vm < config->vms + config->vm_count; vm++)
        if (config_token_is(name, vm->name))
            return vm;
    return NULL;
}

/* Complete the VM if what it is like is known; DONE has the VMs that are complete. */
static bool complete_vm(struct config_parser *parser, uint32_t done)
{
    const struct config *config = parser->config;
    const struct config_vm *vm = &config->vms[parser->vm];
    const struct config_token *name = &parser->like[parser->vm];
    bool copies = !vm->spoilt && name->text != NULL;
    const struct config_vm *like = copies ? find_vm(config, name) : NULL;
    if (like != NULL && (done & 1u << (like - config->vms)) == 0)
        return false;
    if (copies && like == NULL)
        config_fail(parser, name->at, "like %s names no VM; write the name of another one",
                    config_token_show(name).text);
    if (like == NULL)
        copy_settings(parser, &defaults, vm->at);
    else if (like->spoilt)
        config_fail(parser, name->at, "like %s copies a VM that has an error; correct \"%s\"",
                    config_token_show(name).text, config_token_show(name).text);
    else
        copy_settings(parser, like, name->at);
    return true;
}

/* Peers are other VMs of the file. */
static void check_peers(struct config_parser *parser)
{
    const struct config *config = parser->config;
    const struct config_vm *vm = &config->vms[parser->vm];
    for (unsigned i = 0; i < vm->peer_count && !vm->spoilt; i++) {
        unsigned other = 0;
        while (other < config->vm_count && strcmp(config->vms[other].name, vm->peers[i]) != 0)
            other++;
        if (other == config->vm_count || (int)other == parser->vm)
            config_fail(parser, vm->peers_at, "peers %s names no other VM; write the name of one",
                        vm->peers[i]);
    }
}

/* What a VM may grow to is more than it has. */
static void check_most(struct config_parser *parser)
{
    const struct config_vm *vm = &parser->config->vms[parser->vm];
    char size[24], limit[24];
    if (vm->memory_most == 0 || vm->spoilt)
        return;
    fmt_size(size, sizeof(size), vm->memory_most);
    if (vm->service)
        config_fail(parser, vm->memory_most_at,
                    "memory-most is for other VMs; the service VM's memory is changed by: give");
    else if (vm->memory_most < vm->memory)
        config_fail(parser, vm->memory_most_at, "memory-most %s is less than memory; write %s",
                    size, fmt_size(limit, sizeof(limit), vm->memory));
    else if (vm->memory_most - vm->memory > CONFIG_GROWTH_MAX)
        config_fail(parser, vm->memory_most_at,
                    "memory-most %s is over 64G more than memory; write at most %s", size,
                    fmt_size(limit, sizeof(limit), vm->memory + CONFIG_GROWTH_MAX));
}

/* What a service VM cannot have. */
static void check_service(struct config_parser *parser)
{
    const struct config_vm *vm = &parser->config->vms[parser->vm];
    bool stops = false;
    for (unsigned i = 0; i < CONTROL_EVENTS; i++)
        stops = stops || vm->controls.events[i] == CONTROL_STOP;
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++)
        stops = stops || vm->controls.exceptions[i] == CONTROL_STOP;
    if (!vm->service || vm->spoilt)
        return;
    if (stops)
        config_fail(parser, vm->at,
                    "the service VM has a line with stop, and nobody could resume it; write log");
    if (vm->controls.tsc_offset != 0)
        config_fail(parser, vm->at,
                    "the service VM has a tsc-offset, and the machine's other clocks, which it "
                    "has, too, would not agree; write it for another VM");
}

static void check_cores(struct config_parser *parser)
{
    const struct config_vm *vm = &parser->config->vms[parser->vm];
    if (vm->cpus_most == 0 || vm->spoilt)
        return;
    if (vm->service)
        config_fail(parser, vm->cpus_most_at,
                    "cpus-most is not for the service VM, which gives its cores and gets them back "
                    "by itself; remove it");
    else if (vm->cpus_most < vm->cpu_count)
        config_fail(parser, vm->cpus_most_at,
                    "cpus-most %u is less than its cpus; write at least %u", vm->cpus_most,
                    vm->cpu_count);
}

void config_complete(struct config_parser *parser)
{
    int count = (int)parser->config->vm_count;
    uint32_t done = 0;
    for (int round = 0; round < count; round++) /* each knows what the one before completed */
        for (parser->vm = 0; parser->vm < count; parser->vm++)
            if ((done & 1u << parser->vm) == 0 && complete_vm(parser, done))
                done |= 1u << parser->vm;
    /* What is left copies itself, by way of others perhaps. */
    for (parser->vm = 0; parser->vm < count; parser->vm++)
        if ((done & 1u << parser->vm) == 0)
            config_fail(parser, parser->like[parser->vm].at,
                        "like leads back to this VM; write a VM that has settings of its own");
    for (parser->vm = 0; parser->vm < count; parser->vm++) {
        check_peers(parser);
        check_cores(parser);
        check_service(parser);
        check_most(parser);
    }
    for (int i = 0; i < count; i++)
        controls_settle(&parser->config->vms[i].controls);
}
