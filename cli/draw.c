/* SPDX-License-Identifier: Apache-2.0 */
/* What is drawn: the machine as it is, or as a configuration would divide it or another one. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "core/place.h"
#include "drawing.h"
#include "pieces.h"

static struct pieces pieces;

void drawing_add_cpu(struct drawing *drawing, uint32_t node, uint32_t number, int owner)
{
    if (drawing->cpu_count == MAX_CPUS || node >= MAX_NODES)
        return;
    drawing->cpus[drawing->cpu_count].node = node;
    drawing->cpus[drawing->cpu_count].number = number;
    drawing->cpus[drawing->cpu_count++].owner = owner;
    drawing->node_count = node >= drawing->node_count ? node + 1 : drawing->node_count;
}

void drawing_add_piece(struct drawing *drawing, uint64_t base, uint64_t size, uint32_t node,
                       int owner)
{
    if (drawing->piece_count == DRAWING_PIECES || node >= MAX_NODES || size == 0 ||
        size > CONFIG_MEMORY_MAX)
        return;
    unsigned at = drawing->piece_count++;
    for (; at > 0 && drawing->pieces[at - 1].base > base; at--)
        drawing->pieces[at] = drawing->pieces[at - 1];
    drawing->pieces[at].base = base;
    drawing->pieces[at].size = size;
    drawing->pieces[at].node = node;
    drawing->pieces[at].owner = owner;
    drawing->node_count = node >= drawing->node_count ? node + 1 : drawing->node_count;
}

/* Cut what VM has out of the free pieces. An extent lies in one range of RAM. */
static void cut_extent(struct drawing *drawing, const struct place_extent *extent, int vm)
{
    uint64_t first = extent->hpa.v, last = first + extent->size;
    for (unsigned i = 0; i < drawing->piece_count; i++) {
        uint64_t base = drawing->pieces[i].base, end = base + drawing->pieces[i].size;
        uint32_t node = drawing->pieces[i].node;
        if (drawing->pieces[i].owner != DRAWING_FREE || base > first || end < last)
            continue;
        drawing->pieces[i].size = first - base;
        drawing_add_piece(drawing, first, extent->size, node, vm);
        drawing_add_piece(drawing, last, end - last, node, DRAWING_FREE);
        return;
    }
}

static int find_owner(const struct place_plan *plan, unsigned count, cpu_id_t cpu)
{
    for (unsigned vm = 0; vm < count; vm++)
        if (cpu_set_has(&plan->vms[vm].cpus, cpu))
            return (int)vm;
    return DRAWING_FREE;
}

static void add_vms(struct drawing *drawing, const struct config *config)
{
    for (unsigned i = 0; i < config->vm_count; i++) {
        snprintf(drawing->vms[i].name, CONFIG_NAME_MAX, "%s", config->vms[i].name);
        snprintf(drawing->vms[i].kernel, CONFIG_PATH_MAX, "%s", config->vms[i].kernel);
        drawing->vms[i].service = config->vms[i].service;
    }
    drawing->vm_count = config->vm_count;
}

int drawing_place(struct drawing *drawing, const char *file, const struct machine *machine)
{
    static struct config config;
    static struct place_plan plan;
    int status = check_read(file, &config);
    if (status == STATUS_OK)
        status = check_place(file, machine, &config, &plan);
    if (status != STATUS_OK)
        return status;
    add_vms(drawing, &config);
    for (cpu_id_t cpu = 0; cpu < machine->cpu_count; cpu++)
        drawing_add_cpu(drawing, machine->cpus[cpu].node, cpu,
                        find_owner(&plan, config.vm_count, cpu));
    for (unsigned i = 0; i < machine->ram_count; i++)
        drawing_add_piece(drawing, machine->ram[i].base.v, machine->ram[i].size,
                          machine->ram[i].node, DRAWING_FREE);
    for (unsigned vm = 0; vm < config.vm_count; vm++)
        for (unsigned i = 0; i < plan.vms[vm].extent_count; i++)
            cut_extent(drawing, &plan.vms[vm].extents[i], (int)vm);
    return STATUS_OK;
}

/* The owner's index; a VM that is not in the list is nobody. */
static int owner_of(const struct drawing *drawing, const char *owner)
{
    for (unsigned i = 0; i < drawing->vm_count; i++)
        if (strcmp(owner, drawing->vms[i].name) == 0)
            return (int)i;
    return DRAWING_FREE;
}

/* The machine as the monitor describes it. */
static int draw_running(struct drawing *drawing, const struct records *machine)
{
    struct records list;
    int status = records_ask(&list, "list");
    if (status != STATUS_OK)
        return status;
    const struct record *record = NULL;
    for (unsigned i = 0; i < MAX_VMS && (record = records_next(&list, "vm", record)); i++) {
        snprintf(drawing->vms[i].name, CONFIG_NAME_MAX, "%s", record_text(record, "name"));
        snprintf(drawing->vms[i].kernel, CONFIG_PATH_MAX, "%s", record_text(record, "kernel"));
        drawing->vms[i].service = record_is(record, "service", "yes");
        drawing->vm_count = i + 1;
    }
    record = NULL;
    while ((record = records_next(machine, "cpu", record)) != NULL)
        drawing_add_cpu(drawing, (uint32_t)record_number(record, "node"),
                        (uint32_t)record_number(record, "id"),
                        owner_of(drawing, record_text(record, "owner")));
    for (unsigned i = 0; i < pieces.count; i++)
        drawing_add_piece(drawing, pieces.list[i].base, pieces.list[i].size, pieces.list[i].node,
                          owner_of(drawing, pieces.list[i].owner));
    records_free(&list);
    return STATUS_OK;
}

/* Its RAM, in one piece where it is only owned by several; false if there is too much of it. */
static bool join_pieces(struct machine *machine)
{
    for (unsigned i = 0; i < pieces.count; i++) {
        uint64_t base = pieces.list[i].base, size = pieces.list[i].size;
        uint32_t node = pieces.list[i].node;
        struct machine_range *last =
            machine->ram_count > 0 ? &machine->ram[machine->ram_count - 1] : NULL;
        if (last != NULL && last->node == node && last->base.v + last->size == base)
            last->size += size;
        else if (machine->ram_count == MAX_RANGES || node >= machine->node_count)
            return false;
        else
            machine->ram[machine->ram_count++] = (struct machine_range){{base}, size, node};
    }
    return true;
}

/* The machine of the records, as placement wants it; false if that is not possible. */
static bool read_machine(struct machine *machine, const struct records *records)
{
    const struct record *record = NULL;
    *machine = (struct machine){.node_count = 1};
    for (; (record = records_next(records, "cpu", record)) != NULL; machine->cpu_count++) {
        uint64_t node = record_number(record, "node");
        if (record_number(record, "id") != machine->cpu_count || machine->cpu_count == MAX_CPUS ||
            node >= MAX_NODES)
            return false;
        machine->cpus[machine->cpu_count] = (struct machine_cpu){
            .node = (uint32_t)node, .core_id = (uint32_t)record_number(record, "core")};
        machine->node_count =
            node >= machine->node_count ? (unsigned)node + 1 : machine->node_count;
    }
    for (unsigned i = 0; i < MAX_NODES * MAX_NODES; i++)
        machine->distance[i / MAX_NODES][i % MAX_NODES] = i / MAX_NODES == i % MAX_NODES ? 10 : 20;
    return machine->cpu_count > 0 && join_pieces(machine);
}

int draw_run(char **args, const struct options *options)
{
    static struct drawing drawing;
    static struct machine machine;
    struct records records = {0};
    struct check_machine wanted = {(unsigned)options->cpus, options->memory,
                                   (unsigned)options->nodes};
    if (wanted.cpus > 0 && args[0] == NULL) {
        fprintf(stderr, "mullion: draw needs a file for the machine that --cpus describes\n");
        return STATUS_USAGE;
    }
    int status = wanted.cpus == 0 ? records_ask(&records, "machine") : STATUS_OK;
    if (status == STATUS_OK && !pieces_read(&pieces, &records))
        status = control_garbled("it describes no machine");
    if (status == STATUS_OK && args[0] == NULL)
        status = draw_running(&drawing, &records);
    else if (status == STATUS_OK && wanted.cpus > 0)
        check_imagine(&machine, &wanted);
    else if (status == STATUS_OK && !read_machine(&machine, &records))
        status = control_garbled("it describes no machine");
    if (status == STATUS_OK && args[0] != NULL)
        status = drawing_place(&drawing, args[0], &machine);
    if (status == STATUS_OK)
        drawing_print(&drawing);
    records_free(&records);
    return status;
}
