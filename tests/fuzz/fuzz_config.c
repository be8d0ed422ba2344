/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as mullion.conf, placed on a machine that the first bytes choose. */
#include "fuzz_config.h"

static struct config config;
static struct config_errors errors;
static struct machine machine;
static struct place_plan plan, again;

static void make_cores(const uint8_t *choice)
{
    unsigned threads = 1 + (choice[0] >> 4 & 1);
    for (uint32_t node = 0; node < machine.node_count; node++)
        for (unsigned i = 0; i < 1u + choice[1] % 16 && (choice[2] >> node & 1) == 0; i++) {
            cpu_id_t cpu = machine.cpu_count++;
            machine.cpus[cpu] = (struct machine_cpu){{cpu * 2 + 1}, cpu, node, cpu / threads + 9};
        }
    if (machine.cpu_count == 0)
        machine.cpus[machine.cpu_count++].core_id = 9;
}

static void make_ram(const uint8_t *choice)
{
    static const uint64_t units[] = {128 * MIB, LARGE_PAGE, PAGE_SIZE, 3 * GIB};
    uint64_t at = 0, unit = units[choice[3] & 3];
    for (unsigned i = 0; i < 1u + choice[4] % 12; i++) {
        uint64_t size = (1 + choice[5] * (i + 1u) % 64) * unit;
        uint32_t node = i * (choice[6] | 1u) % machine.node_count;
        machine.ram[machine.ram_count++] = (struct machine_range){{at}, size, node};
        at += size + (choice[7] & 7) * 640 * KIB;
    }
}

static void make_machine(const uint8_t *choice)
{
    memset(&machine, 0, sizeof(machine));
    machine.node_count = 1 + (choice[0] & 3);
    for (unsigned i = 0; i < machine.node_count; i++)
        for (unsigned j = 0; j < machine.node_count; j++)
            machine.distance[i][j] = (uint8_t)(i == j ? 10 : 20 + (i ^ j));
    make_cores(choice);
    make_ram(choice);
}

/* A position is one in the text, or right behind its line. */
static void check_position(const char *text, size_t length, struct config_position at)
{
    unsigned line = 1;
    const char *end = text + length, *start = text;
    while (line < at.line && start < end)
        line += *start++ == '\n' ? 1 : 0;
    must(at.line >= 1 && at.line == line);
    const char *newline = memchr(start, '\n', (size_t)(end - start));
    size_t columns = (size_t)((newline != NULL ? newline : end) - start);
    must(at.column >= 1 && at.column <= columns + 1);
}

static void check_errors(const char *text, size_t length)
{
    unsigned kept = errors.count < CONFIG_ERRORS_MAX ? errors.count : CONFIG_ERRORS_MAX;
    for (unsigned i = 0; i < kept; i++) {
        const struct config_error *error = &errors.list[i];
        must(fuzz_is_text(error->text, sizeof(error->text)));
        must(strchr(error->text, ';') != NULL); /* it says what to write instead */
        check_position(text, length, error->at);
        must(error->vm >= -1 && error->vm < (int)config.vm_count);
        must(error->vm == -1 || config.vms[error->vm].spoilt);
    }
}

static void check_rules(const struct control_rules *rules, uint32_t max)
{
    must(rules->count <= CONTROL_RULES_MAX);
    for (unsigned i = 0; i < rules->count; i++) {
        const struct control_rule *rule = &rules->list[i];
        must(rule->first <= rule->last && rule->last <= max);
        must(rule->access >= CONTROL_READ && rule->access <= CONTROL_READ_WRITE);
        must(rule->policy >= CONTROL_PASS && rule->policy <= CONTROL_DENY);
        must(rule->policy != CONTROL_STOP);
    }
}

static void check_controls(const struct controls *controls)
{
    for (unsigned i = 0; i < CONTROL_EVENTS; i++)
        must(controls->events[i] <= CONTROL_DENY && controls->events[i] != CONTROL_PASS);
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++)
        must(controls->exceptions[i] <= CONTROL_STOP && controls->exceptions[i] != CONTROL_PASS);
    check_rules(&controls->ports, UINT16_MAX);
    check_rules(&controls->msrs, UINT32_MAX);
}

/* A VM that may be built has all that building it needs, within the limits that config.h names. */
static void check_vm(const struct config_vm *vm)
{
    must(fuzz_is_text(vm->name, sizeof(vm->name)));
    must(vm->cpu_count >= 1 && vm->cpu_count <= MAX_CPUS);
    must(!vm->cpu_listed || cpu_set_count(&vm->cpu_list) == vm->cpu_count);
    must(vm->memory >= CONFIG_MEMORY_MIN && vm->memory <= CONFIG_MEMORY_MAX);
    must(vm->memory % LARGE_PAGE == 0);
    must(vm->node == CONFIG_NODE_ANY || vm->node < MAX_NODES);
    must(fuzz_is_text(vm->kernel, sizeof(vm->kernel)));
    must(memchr(vm->initrd, '\0', sizeof(vm->initrd)) != NULL);
    must(memchr(vm->cmdline, '\0', sizeof(vm->cmdline)) != NULL);
    must(vm->module_count <= CONFIG_VM_MODULES);
    for (unsigned i = 0; i < vm->module_count; i++)
        must(fuzz_is_text(vm->modules[i], sizeof(vm->modules[i])));
    must(vm->console == CONFIG_CONSOLE_UART || vm->console == CONFIG_CONSOLE_NONE);
    check_controls(&vm->controls);
}

static void check_config(bool good)
{
    must(good == (errors.count == 0));
    must(config.vm_count <= MAX_VMS && config.service < (int)config.vm_count);
    must(!good || config.vm_count > 0);
    for (unsigned i = 0; i < config.vm_count; i++) {
        const struct config_vm *vm = &config.vms[i];
        must(!good || !vm->spoilt);
        if (vm->spoilt)
            continue;
        check_vm(vm);
        must(vm->service == ((int)i == config.service));
        for (unsigned j = 0; j < i; j++)
            must(config.vms[j].spoilt || strcmp(config.vms[j].name, vm->name) != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t choice[8];
    if (!fuzz_choices(&data, &size, choice, sizeof(choice)))
        return -1;
    char *text = fuzz_copy(data, size);
    check_config(config_parse(text, size, &config, &errors));
    check_errors(text, size);
    make_machine(choice);
    unsigned placed = place_vms(&machine, &config, &plan);
    for (unsigned i = 0; i < config.vm_count; i++) {
        placed -= plan.vms[i].placed ? 1 : 0;
        if (plan.vms[i].placed)
            fuzz_check_placed(&machine, &config, &plan, i);
        else
            check_position(text, size, plan.vms[i].at);
    }
    must(placed == 0);
    fuzz_check_independence(&machine, &config, &plan, &again);
    free(text);
    return 0;
}
