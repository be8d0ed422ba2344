/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion check`: configuration files looked at off line, by the monitor's own parser. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/place.h"
#include "lib/fmt.h"

#define FILE_MAX (1024 * 1024) /* more is no configuration */

#define LOW_RAM_END 0xa0000ull
#define DEVICE_HOLE (3 * GIB) /* as on most machines, up to 4 GiB */

/* Read the file whole; the length, or -1 after a message. */
static long read_file(const char *path, char *text)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "mullion: %s: %s\n", path, strerror(errno));
        return -1;
    }
    size_t length = fread(text, 1, FILE_MAX, file);
    const char *problem = NULL;
    if (ferror(file))
        problem = strerror(errno);
    else if (length == FILE_MAX)
        problem = "this is more than 1 MiB; name a configuration file";
    if (problem != NULL)
        fprintf(stderr, "mullion: %s: %s\n", path, problem);
    if (file != stdin)
        fclose(file);
    return problem == NULL ? (long)length : -1;
}

static void print_error(const char *path, struct config_position at, const char *text)
{
    fprintf(stderr, "%s:%u:%u: %s\n", path, at.line, at.column, text);
}

static void print_errors(const char *path, const struct config_errors *errors, unsigned limit)
{
    unsigned kept = errors->count < CONFIG_ERRORS_MAX ? errors->count : CONFIG_ERRORS_MAX;
    for (unsigned i = 0; i < kept; i++)
        if (limit == 0 || errors->list[i].at.line < limit)
            print_error(path, errors->list[i].at, errors->list[i].text);
        else
            fprintf(stderr, "%s: %s\n", path, errors->list[i].text);
    if (errors->count > kept)
        fprintf(stderr, "%s: %u more errors\n", path, errors->count - kept);
}

static void print_cores(const struct cpu_set *cpus)
{
    const char *separator = "";
    for (cpu_id_t first = 0; first < MAX_CPUS; first++) {
        if (!cpu_set_has(cpus, first))
            continue;
        cpu_id_t last = first;
        while (cpu_set_has(cpus, last + 1))
            last++;
        printf("%s%u", separator, first);
        if (last != first)
            printf("-%u", last);
        separator = ",";
        first = last;
    }
}

/* PLACEMENT is NULL if there is no machine to place the VM on. */
static void print_vm(const struct config_vm *vm, const struct placement *placement)
{
    char memory[24];
    printf("%s %s: %u %s", vm->service ? "service" : "vm", vm->name, vm->cpu_count,
           vm->cpu_count == 1 ? "core" : "cores");
    if (placement != NULL || vm->cpu_listed) {
        printf(" (");
        print_cores(placement != NULL ? &placement->cpus : &vm->cpu_list);
        printf(")");
    }
    printf(", memory %s", fmt_size(memory, sizeof(memory), vm->memory));
    if (vm->node != CONFIG_NODE_ANY)
        printf(", node %u", vm->node);
    printf(", kernel %s", vm->kernel);
    if (vm->initrd[0] != '\0')
        printf(", initrd %s", vm->initrd);
    for (unsigned i = 0; i < vm->module_count; i++)
        printf("%s%s", i == 0 ? ", modules " : " ", vm->modules[i]);
    printf("\n");
}

/* The RAM of one more node, SIZE bytes from START on, without the holes of a PC; where it ends. */
static uint64_t imagine_node(struct machine *machine, uint64_t start, uint64_t size)
{
    uint32_t node = machine->node_count++;
    if (start == 0) {
        machine->ram[machine->ram_count++] = (struct machine_range){.size = LOW_RAM_END};
        start = MIB;
        size -= MIB;
    }
    if (start < DEVICE_HOLE) {
        uint64_t low = size < DEVICE_HOLE - start ? size : DEVICE_HOLE - start;
        machine->ram[machine->ram_count++] = (struct machine_range){{start}, low, node};
        start += low;
        size -= low;
    }
    if (start == DEVICE_HOLE)
        start = 4 * GIB;
    if (size > 0)
        machine->ram[machine->ram_count++] = (struct machine_range){{start}, size, node};
    return start + size;
}

void check_imagine(struct machine *machine, const struct check_machine *wanted)
{
    unsigned nodes = wanted->nodes > 0 ? wanted->nodes : 1;
    uint64_t start = 0, share = align_down(wanted->memory / nodes, LARGE_PAGE);
    *machine = (struct machine){.cpu_count = wanted->cpus};
    for (unsigned cpu = 0; cpu < wanted->cpus; cpu++)
        machine->cpus[cpu] = (struct machine_cpu){
            .apic_id = {cpu}, .acpi_uid = cpu, .node = cpu * nodes / wanted->cpus, .core_id = cpu};
    for (unsigned node = 0; node < nodes; node++) {
        uint64_t rest = wanted->memory - node * share;
        machine->node_domain[node] = node;
        start = imagine_node(machine, start, node == nodes - 1 ? rest : share);
        for (unsigned other = 0; other < nodes; other++)
            machine->distance[node][other] = node == other ? 10 : 20;
    }
}

int check_place(const char *path, const struct machine *machine, const struct config *config,
                struct place_plan *plan)
{
    if (place_vms(machine, config, plan) == config->vm_count)
        return STATUS_OK;
    for (unsigned i = 0; i < config->vm_count; i++)
        if (!plan->vms[i].placed)
            print_error(path, plan->vms[i].at, plan->vms[i].reason);
    return STATUS_ERRORS;
}

long check_load(const char *path, const char **text)
{
    static char buffer[FILE_MAX];
    *text = buffer;
    return read_file(path, buffer);
}

int check_text(const char *path, const char *text, size_t length, unsigned limit,
               struct config *config)
{
    static struct config_errors errors;
    if (config_parse(text, length, config, &errors))
        return STATUS_OK;
    print_errors(path, &errors, limit);
    return STATUS_ERRORS;
}

int check_read(const char *path, struct config *config)
{
    const char *text;
    long length = check_load(path, &text);
    return length < 0 ? STATUS_USAGE : check_text(path, text, (size_t)length, 0, config);
}

int check_file(const char *path, const struct check_machine *wanted)
{
    static struct machine machine;
    static struct config config;
    static struct place_plan plan;
    int status = check_read(path, &config);
    if (status != STATUS_OK)
        return status;
    bool place = wanted->cpus != 0;
    if (place) {
        check_imagine(&machine, wanted);
        if (check_place(path, &machine, &config, &plan) != STATUS_OK)
            return STATUS_ERRORS;
    }
    for (unsigned i = 0; i < config.vm_count; i++)
        print_vm(&config.vms[i], place ? &plan.vms[i] : NULL);
    return STATUS_OK;
}
