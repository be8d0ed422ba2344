/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of every placement: nothing is given twice, and nothing that isn't there. */
#include "fuzz_config.h"

static void check_cores(const struct machine *machine, const struct config *config,
                        const struct place_plan *plan, unsigned index)
{
    const struct config_vm *vm = &config->vms[index];
    const struct placement *given = &plan->vms[index];
    must(cpu_set_count(&given->cpus) == vm->cpu_count);
    must(cpu_set_has(&given->cpus, given->boot_cpu));
    must(given->node == machine->cpus[given->boot_cpu].node);
    must(!vm->cpu_listed || memcmp(&given->cpus, &vm->cpu_list, sizeof(vm->cpu_list)) == 0);
    for (cpu_id_t cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (!cpu_set_has(&given->cpus, cpu))
            continue;
        must(cpu < machine->cpu_count);
        must(vm->node == CONFIG_NODE_ANY || vm->cpu_listed || machine->cpus[cpu].node == vm->node);
        for (unsigned i = 0; i < config->vm_count; i++)
            for (cpu_id_t other = 0; other < machine->cpu_count && i != index; other++)
                must(!cpu_set_has(&plan->vms[i].cpus, other) ||
                     (other != cpu &&
                      (machine->cpus[cpu].core_id != machine->cpus[other].core_id ||
                       (vm->allow_smt_sharing && config->vms[i].allow_smt_sharing))));
    }
}

static bool is_ram(const struct machine *machine, const struct place_extent *extent)
{
    uint64_t base = extent->hpa.v, size = extent->size;
    for (unsigned i = 0; i < machine->ram_count && size > 0; i++) {
        const struct machine_range *range = &machine->ram[i];
        if (range->node != extent->node || base < range->base.v ||
            base - range->base.v >= range->size)
            continue;
        uint64_t part = range->base.v + range->size - base;
        part = part < size ? part : size;
        base += part;
        size -= part;
    }
    return size == 0;
}

static void check_alone(const struct config *config, const struct place_plan *plan,
                        const struct place_extent *extent)
{
    for (unsigned i = 0; i < config->vm_count; i++)
        for (unsigned j = 0; j < plan->vms[i].extent_count; j++) {
            const struct place_extent *other = &plan->vms[i].extents[j];
            must(other == extent || extent->hpa.v + extent->size <= other->hpa.v ||
                 other->hpa.v + other->size <= extent->hpa.v);
        }
}

static void check_memory(const struct machine *machine, const struct config *config,
                         const struct place_plan *plan, unsigned index)
{
    const struct config_vm *vm = &config->vms[index];
    const struct placement *given = &plan->vms[index];
    uint64_t sum = 0, next = 0;
    must(given->extent_count >= 1 && given->extent_count <= PLACE_EXTENTS_MAX);
    for (unsigned i = 0; i < given->extent_count; i++) {
        const struct place_extent *extent = &given->extents[i];
        must(extent->size > 0 && extent->size % PAGE_SIZE == 0);
        must(is_ram(machine, extent));
        check_alone(config, plan, extent);
        if (vm->service) {
            must(extent->gpa.v == extent->hpa.v && extent->gpa.v >= next);
        } else {
            must(extent->gpa.v == next && extent->hpa.v >= MIB);
            must((extent->gpa.v | extent->hpa.v | extent->size) % LARGE_PAGE == 0);
        }
        sum += extent->size;
        next = extent->gpa.v + extent->size;
        next = !vm->service && next == PLACE_LOW_RAM_MAX ? 4 * GIB : next;
    }
    must(sum == vm->memory);
}

void fuzz_check_placed(const struct machine *machine, const struct config *config,
                       const struct place_plan *plan, unsigned index)
{
    must(!config->vms[index].spoilt);
    check_cores(machine, config, plan, index);
    check_memory(machine, config, plan, index);
}

void fuzz_check_independence(const struct machine *machine, struct config *config,
                             const struct place_plan *plan, struct place_plan *again)
{
    for (unsigned i = 0; i < config->vm_count; i++) {
        const struct placement *given = &plan->vms[i];
        must(given->placed || fuzz_is_text(given->reason, sizeof(given->reason)));
        must(given->placed || cpu_set_count(&given->cpus) + given->extent_count == 0);
        config->vms[i].spoilt = !given->placed;
    }
    place_vms(machine, config, again);
    for (unsigned i = 0; i < config->vm_count; i++) {
        const struct placement *a = &plan->vms[i], *b = &again->vms[i];
        must(a->placed == b->placed && a->extent_count == b->extent_count);
        must(memcmp(&a->cpus, &b->cpus, sizeof(a->cpus)) == 0);
        for (unsigned j = 0; j < a->extent_count; j++)
            must(a->extents[j].hpa.v == b->extents[j].hpa.v &&
                 a->extents[j].size == b->extents[j].size);
    }
}
