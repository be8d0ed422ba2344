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

/* A machine of one node, with the holes of a PC. */
static void imagine_machine(struct machine *machine, const struct check_machine *wanted)
{
    *machine = (struct machine){.cpu_count = wanted->cpus, .node_count = 1};
    for (unsigned cpu = 0; cpu < wanted->cpus; cpu++)
        machine->cpus[cpu] =
            (struct machine_cpu){.apic_id = {cpu}, .acpi_uid = cpu, .core_id = cpu};
    machine->distance[0][0] = 10;
    uint64_t low = wanted->memory < DEVICE_HOLE ? wanted->memory : DEVICE_HOLE;
    machine->ram[machine->ram_count++] = (struct machine_range){.size = LOW_RAM_END};
    machine->ram[machine->ram_count++] = (struct machine_range){{MIB}, low - MIB, 0};
    if (wanted->memory > low)
        machine->ram[machine->ram_count++] =
            (struct machine_range){{4 * GIB}, wanted->memory - low, 0};
}

/* Place the VMs; prints why where that fails. */
static int check_placement(const char *path, const struct check_machine *wanted,
                           const struct config *config, struct place_plan *plan)
{
    static struct machine machine;
    imagine_machine(&machine, wanted);
    if (place_vms(&machine, config, plan) == config->vm_count)
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
    unsigned kept = errors.count < CONFIG_ERRORS_MAX ? errors.count : CONFIG_ERRORS_MAX;
    for (unsigned i = 0; i < kept; i++) {
        if (limit == 0 || errors.list[i].at.line < limit)
            print_error(path, errors.list[i].at, errors.list[i].text);
        else
            fprintf(stderr, "mullion: beside %s: %s\n", path, errors.list[i].text);
    }
    if (errors.count > kept)
        fprintf(stderr, "%s: %u more errors\n", path, errors.count - kept);
    return STATUS_ERRORS;
}

int check_read(const char *path, struct config *config)
{
    const char *text;
    long length = check_load(path, &text);
    return length < 0 ? STATUS_USAGE : check_text(path, text, (size_t)length, 0, config);
}

int check_file(const char *path, const struct check_machine *machine)
{
    static struct config config;
    static struct place_plan plan;
    int status = check_read(path, &config);
    if (status != STATUS_OK)
        return status;
    bool place = machine->cpus != 0;
    if (place && check_placement(path, machine, &config, &plan) != STATUS_OK)
        return STATUS_ERRORS;
    for (unsigned i = 0; i < config.vm_count; i++)
        print_vm(&config.vms[i], place ? &plan.vms[i] : NULL);
    return STATUS_OK;
}
