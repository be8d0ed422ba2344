/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration written in its own language. */
#include "core/config_write.h"

#include "lib/fmt.h"

static void write_quoted(struct text *text, const char *keyword, const char *value)
{
    text_print(text, "    %s ", keyword);
    text_quote(text, value);
    text_print(text, "\n");
}

static void write_names(struct text *text, const char *keyword, const char *names, size_t size,
                        unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        text_print(text, i == 0 ? "    %s " : " ", keyword);
        text_quote(text, names + i * size);
    }
    if (count > 0)
        text_print(text, "\n");
}

void config_write_vm(struct text *text, const struct config_vm *vm)
{
    char size[24];
    text_print(text, "%s %s {\n    cpus ", vm->service ? "service" : "vm", vm->name);
    if (vm->cpu_listed)
        text_cpus(text, &vm->cpu_list, true);
    else
        text_print(text, "%u", vm->cpu_count);
    if (vm->cpus_most != 0)
        text_print(text, "\n    cpus-most %u", vm->cpus_most);
    text_print(text, "\n    memory %s\n", fmt_size(size, sizeof(size), vm->memory));
    if (vm->memory_most != 0)
        text_print(text, "    memory-most %s\n", fmt_size(size, sizeof(size), vm->memory_most));
    if (vm->node != CONFIG_NODE_ANY)
        text_print(text, "    node %u\n", vm->node);
    write_quoted(text, "kernel", vm->kernel);
    if (vm->initrd[0] != '\0')
        write_quoted(text, "initrd", vm->initrd);
    write_names(text, "modules", vm->modules[0], CONFIG_PATH_MAX, vm->module_count);
    write_quoted(text, "cmdline", vm->cmdline);
    if (vm->console == CONFIG_CONSOLE_NONE)
        text_print(text, "    console none\n");
    if (vm->network[0] != '\0')
        text_print(text, "    network %s\n", vm->network);
    write_names(text, "peers", vm->peers[0], CONFIG_NAME_MAX, vm->peer_count);
    if (vm->allow_smt_sharing)
        text_print(text, "    allow-smt-sharing\n");
    controls_write(text, &vm->controls);
    text_print(text, "}\n");
}
