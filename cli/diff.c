/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration file would change: each setting as text, as it is and as it would be. */
#include "diff.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "create.h"
#include "lib/fmt.h"

#define SETTING_MAX 4096

struct setting {
    char text[SETTING_MAX];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct setting *setting, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    size_t room = sizeof(setting->text) - setting->length;
    int length = vsnprintf(setting->text + setting->length, room, format, args);
    va_end(args);
    setting->length += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}

static void add_cpus(struct setting *setting, const struct config_vm *vm)
{
    if (!vm->cpu_listed)
        add(setting, "any %u", vm->cpu_count);
    for (cpu_id_t core = 0; vm->cpu_listed && core < MAX_CPUS; core++)
        if (cpu_set_has(&vm->cpu_list, core))
            add(setting, "%s%u", setting->length == 0 ? "" : ",", core);
}

static void add_most(struct setting *setting, const struct config_vm *vm)
{
    if (vm->cpus_most != 0)
        add(setting, "%u", vm->cpus_most);
}

static void add_memory(struct setting *setting, const struct config_vm *vm)
{
    char text[24];
    add(setting, "%s", fmt_size(text, sizeof(text), vm->memory));
}

static void add_memory_most(struct setting *setting, const struct config_vm *vm)
{
    char text[24];
    if (vm->memory_most != 0)
        add(setting, "%s", fmt_size(text, sizeof(text), vm->memory_most));
}

static void add_node(struct setting *setting, const struct config_vm *vm)
{
    if (vm->node == CONFIG_NODE_ANY)
        add(setting, "any");
    else
        add(setting, "%u", vm->node);
}

static void add_smt(struct setting *setting, const struct config_vm *vm)
{
    add(setting, "%s", vm->allow_smt_sharing ? "yes" : "no");
}

static void add_kernel(struct setting *setting, const struct config_vm *vm)
{
    add(setting, "%s", vm->kernel);
}

static void add_initrd(struct setting *setting, const struct config_vm *vm)
{
    add(setting, "%s", vm->initrd);
}

static void add_modules(struct setting *setting, const struct config_vm *vm)
{
    for (unsigned i = 0; i < vm->module_count; i++)
        add(setting, "%s%s", i == 0 ? "" : " ", vm->modules[i]);
}

static void add_cmdline(struct setting *setting, const struct config_vm *vm)
{
    add(setting, "%s", vm->cmdline);
}

static void add_console(struct setting *setting, const struct config_vm *vm)
{
    add(setting, "%s", vm->console == CONFIG_CONSOLE_NONE ? "none" : "uart");
}

static void add_network(struct setting *setting, const struct config_vm *vm)
{
    add(setting, "%s", vm->network);
}

static void add_peers(struct setting *setting, const struct config_vm *vm)
{
    for (unsigned i = 0; i < vm->peer_count; i++)
        add(setting, "%s%s", i == 0 ? "" : " ", vm->peers[i]);
}

static void add_rules(struct setting *setting, const struct control_rules *rules)
{
    static const char *const access[] = {"", " read", " write", ""};
    for (unsigned i = 0; i < rules->count; i++) {
        const struct control_rule *rule = &rules->list[i];
        add(setting, "%s0x%x-0x%x%s %s", i == 0 ? "" : ", ", rule->first, rule->last,
            access[rule->access],
            rule->policy == CONTROL_PASS ? "allow" : control_policy_name(rule->policy));
    }
}

static void add_ports(struct setting *setting, const struct config_vm *vm)
{
    add_rules(setting, &vm->controls.ports);
}

static void add_msrs(struct setting *setting, const struct config_vm *vm)
{
    add_rules(setting, &vm->controls.msrs);
}

/* The lines as the configuration has them, without their keyword. */
static void add_cpuids(struct setting *setting, const struct config_vm *vm)
{
    static const char keyword[] = "    cpuid ";
    char lines[CONTROL_CPUIDS_MAX * 64];
    struct text text = {lines, sizeof(lines), 0, false};
    control_cpuid_write(&text, &vm->controls.cpuids);
    for (size_t at = 0, end; at < text.length; at = end + 1) {
        for (end = at; lines[end] != '\n';)
            end++;
        at += strlen(keyword);
        add(setting, "%s%.*s", setting->length == 0 ? "" : ", ", (int)(end - at), lines + at);
    }
}

static void add_pause_filter(struct setting *setting, const struct config_vm *vm)
{
    if (vm->controls.pause_said)
        add(setting, "%u %u", vm->controls.pause_count, vm->controls.pause_window);
}

static void add_tsc_offset(struct setting *setting, const struct config_vm *vm)
{
    if (vm->controls.tsc_said)
        add(setting, "%ld", vm->controls.tsc_offset);
}

static const struct {
    const char *word;
    void (*add)(struct setting *setting, const struct config_vm *vm);
} settings[] = {
    {"cpus", add_cpus},
    {"cpus-most", add_most},
    {"memory", add_memory},
    {"memory-most", add_memory_most},
    {"node", add_node},
    {"kernel", add_kernel},
    {"initrd", add_initrd},
    {"modules", add_modules},
    {"cmdline", add_cmdline},
    {"console", add_console},
    {"allow-smt-sharing", add_smt},
    {"network", add_network},
    {"peers", add_peers},
    {"port", add_ports},
    {"msr", add_msrs},
    {"cpuid", add_cpuids},
    {"pause-filter", add_pause_filter},
    {"tsc-offset", add_tsc_offset},
};

/* What apply changes in VM, which is there. */
static bool is_live(const struct config_vm *vm, const char *word)
{
    static const char *const words[] = {"port",         "msr",        "cpuid", "peers",
                                        "pause-filter", "tsc-offset", "cpus"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return strcmp(word, "memory") == 0 && vm->memory_most != 0;
}

/* The service VM has what it has not given away: the file's figures are of the next boot. */
static bool is_left_out(const struct config_vm *vm, const char *word)
{
    return vm->service && (strcmp(word, "cpus") == 0 || strcmp(word, "memory") == 0);
}

/* Print what is different about a VM; how many settings are that only a new VM could have. */
static unsigned print_changes(FILE *out, const struct config_vm *running,
                              const struct config_vm *vm)
{
    static struct setting before, after;
    unsigned count = 0;
    if (running->service != vm->service) {
        fprintf(out, "~ %s: would be %s service VM\n", vm->name, vm->service ? "the" : "no");
        count++;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
        before.length = after.length = 0;
        before.text[0] = after.text[0] = '\0';
        settings[i].add(&before, running);
        settings[i].add(&after, vm);
        if (strcmp(before.text, after.text) == 0 || is_left_out(running, settings[i].word))
            continue;
        fprintf(out, "~ %s: %s is %s, would be %s\n", vm->name, settings[i].word,
                before.length > 0 ? before.text : "none", after.length > 0 ? after.text : "none");
        bool moves =
            strcmp(settings[i].word, "network") == 0 && before.length > 0 && after.length > 0;
        count += moves || is_live(running, settings[i].word) ? 0 : 1;
    }
    return count;
}

static void print_policy(FILE *out, const char *vm, const char *event, const char *before,
                         const char *after)
{
    if (strcmp(before, after) != 0)
        fprintf(out, "~ %s: %s is %s, would be %s\n", vm, event, before, after);
}

/* What apply changes while the VM runs. */
static void print_controls(FILE *out, const struct config_vm *running, const struct config_vm *vm)
{
    char name[24];
    for (enum control_event i = 0; i < CONTROL_EVENTS; i++)
        print_policy(out, vm->name, control_event_name(i), control_show(&running->controls, i).text,
                     control_show(&vm->controls, i).text);
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++) {
        snprintf(name, sizeof(name), "exception %u", i);
        print_policy(out, vm->name, name, control_policy_name(running->controls.exceptions[i]),
                     control_policy_name(vm->controls.exceptions[i]));
    }
    if (running->controls.unlisted != vm->controls.unlisted)
        fprintf(out, "~ %s: unlisted is %s, would be %s\n", vm->name,
                control_unlisted_name(running->controls.unlisted),
                control_unlisted_name(vm->controls.unlisted));
}

bool diff_is_same(const struct config_vm *running, const struct config_vm *vm)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return false;
    print_changes(out, running, vm);
    print_controls(out, running, vm);
    fclose(out);
    free(text);
    return size == 0;
}

static void print_new(const struct config_vm *vm)
{
    char text[24];
    printf("+ %s: would be created, %u core%s, memory %s, kernel %s\n", vm->name, vm->cpu_count,
           vm->cpu_count == 1 ? "" : "s", fmt_size(text, sizeof(text), vm->memory), vm->kernel);
}

int diff_run(char **args, const struct options *options)
{
    static struct config file, running;
    const char *text;
    unsigned changed = 0;
    (void)options;
    int status = check_read(args[0], &file);
    if (status == STATUS_OK)
        status = create_ask_config(&running, &text);
    if (status != STATUS_OK)
        return status;
    for (unsigned i = 0; i < running.vm_count; i++)
        if (create_find(&file, running.vms[i].name) == NULL)
            printf("- %s: would be destroyed\n", running.vms[i].name);
    for (unsigned i = 0; i < file.vm_count; i++) {
        const struct config_vm *vm = create_find(&running, file.vms[i].name);
        if (vm == NULL) {
            print_new(&file.vms[i]);
            continue;
        }
        changed += print_changes(stdout, vm, &file.vms[i]) > 0 ? 1 : 0;
        print_controls(stdout, vm, &file.vms[i]);
    }
    if (changed > 0)
        fprintf(stderr, "mullion: apply cannot change all of this in a VM that is there; "
                        "destroy it first\n");
    return STATUS_OK;
}
