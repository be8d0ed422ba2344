/* SPDX-License-Identifier: Apache-2.0 */
/* Placement on some thousand machines that nobody would build: what must hold on each of them. */
#include "unit.h"

#include "core/place.h"

#define ROUNDS 4000

static struct machine machine;
static struct config config;
static struct place_plan plan, again;
static uint64_t random_state = 88172645463325252u;
static unsigned placed, refused, spanning;

static uint64_t pick(uint64_t from, uint64_t to)
{
    return from + unit_random(&random_state) % (to - from + 1);
}

static void make_cores(unsigned threads)
{
    for (uint32_t node = 0; node < machine.node_count; node++)
        for (uint64_t left = pick(0, 4) == 0 ? 0 : pick(1, 9); left > 0; left--)
            for (unsigned thread = 0; thread < threads; thread++) {
                cpu_id_t cpu = machine.cpu_count++;
                machine.cpus[cpu].node = node;
                machine.cpus[cpu].apic_id.v = cpu * 2 + 1;
                machine.cpus[cpu].core_id = cpu / threads + 100;
            }
    if (machine.cpu_count == 0)
        machine.cpus[machine.cpu_count++].core_id = 100;
}

static void make_ram(void)
{
    uint64_t at = 0;
    uint64_t count = pick(1, pick(0, 9) == 0 ? MAX_RANGES : 12);
    uint32_t node = (uint32_t)pick(0, machine.node_count - 1);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t unit = pick(0, 2) == 0 ? PAGE_SIZE : pick(0, 1) == 0 ? LARGE_PAGE : 128 * MIB;
        uint64_t size = pick(1, 40) * unit;
        machine.ram[machine.ram_count++] = (struct machine_range){{at}, size, node};
        at += size;
        if (pick(0, 2) > 0)
            at = align_up(at + pick(0, 700) * unit, unit);
        if (pick(0, 3) == 0)
            node = (uint32_t)pick(0, machine.node_count - 1);
    }
}

static void make_machine(unsigned threads)
{
    memset(&machine, 0, sizeof(machine));
    machine.node_count = (unsigned)pick(1, 5);
    for (uint32_t a = 0; a < machine.node_count; a++)
        for (uint32_t b = 0; b <= a; b++)
            machine.distance[a][b] = machine.distance[b][a] =
                (uint8_t)(a == b ? 10 : 10 * pick(2, 4));
    make_cores(threads);
    make_ram();
}

static void make_vm(struct config_vm *vm)
{
    vm->cpu_count = (unsigned)pick(1, pick(0, 3) == 0 ? 12 : 3);
    vm->memory = pick(8, pick(0, 3) == 0 ? 3000 : 300) * LARGE_PAGE;
    vm->node = pick(0, 4) == 0 ? (uint32_t)pick(0, machine.node_count) : CONFIG_NODE_ANY;
    vm->allow_smt_sharing = pick(0, 3) == 0;
    vm->cpu_listed = pick(0, 4) == 0;
    if (!vm->cpu_listed)
        return;
    for (unsigned i = 0; i < 3; i++)
        cpu_set_add(&vm->cpu_list, (cpu_id_t)pick(0, machine.cpu_count));
    vm->cpu_count = cpu_set_count(&vm->cpu_list);
}

static void make_config(void)
{
    memset(&config, 0, sizeof(config));
    config.vm_count = (unsigned)pick(1, MAX_VMS);
    for (unsigned i = 0; i < config.vm_count; i++) {
        snprintf(config.vms[i].name, sizeof(config.vms[i].name), "vm%u", i);
        make_vm(&config.vms[i]);
    }
    config.service = (int)pick(0, config.vm_count) - 1;
    if (config.service >= 0)
        config.vms[config.service].service = true;
}

static void check_cores(unsigned index)
{
    const struct config_vm *vm = &config.vms[index];
    const struct placement *placement = &plan.vms[index];
    assert_int_equal(cpu_set_count(&placement->cpus), vm->cpu_count);
    assert_true(cpu_set_has(&placement->cpus, placement->boot_cpu));
    assert_int_equal(placement->node, machine.cpus[placement->boot_cpu].node);
    if (vm->cpu_listed)
        assert_memory_equal(&placement->cpus, &vm->cpu_list, sizeof(vm->cpu_list));
    if (vm->service && cpu_set_has(&placement->cpus, 0))
        assert_int_equal(placement->boot_cpu, 0);
    for (cpu_id_t cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (!cpu_set_has(&placement->cpus, cpu))
            continue;
        assert_true(cpu < machine.cpu_count);
        if (vm->node != CONFIG_NODE_ANY && !vm->cpu_listed)
            assert_int_equal(machine.cpus[cpu].node, vm->node);
        for (unsigned i = 0; i < config.vm_count; i++)
            for (cpu_id_t other = 0; other < machine.cpu_count && i != index; other++)
                if (cpu_set_has(&plan.vms[i].cpus, other)) {
                    assert_int_not_equal(cpu, other);
                    assert_true(machine.cpus[cpu].core_id != machine.cpus[other].core_id ||
                                (vm->allow_smt_sharing && config.vms[i].allow_smt_sharing));
                }
    }
}

static bool is_ram(uint64_t base, uint64_t size, uint32_t node)
{
    for (unsigned i = 0; i < machine.ram_count && size > 0; i++) {
        const struct machine_range *range = &machine.ram[i];
        if (range->node != node || base < range->base.v || base >= range->base.v + range->size)
            continue;
        uint64_t part = range->base.v + range->size - base;
        part = part < size ? part : size;
        base += part;
        size -= part;
    }
    return size == 0;
}

static void check_disjoint(unsigned index, const struct place_extent *extent)
{
    for (unsigned i = 0; i < config.vm_count; i++)
        for (unsigned j = 0; j < plan.vms[i].extent_count; j++) {
            const struct place_extent *other = &plan.vms[i].extents[j];
            bool apart = extent->hpa.v + extent->size <= other->hpa.v ||
                         other->hpa.v + other->size <= extent->hpa.v;
            assert_true(apart || (i == index && other == extent));
        }
}

static void check_memory(unsigned index)
{
    const struct config_vm *vm = &config.vms[index];
    const struct placement *placement = &plan.vms[index];
    uint64_t sum = 0;
    uint64_t next = 0;
    assert_in_range(placement->extent_count, 1, PLACE_EXTENTS_MAX);
    for (unsigned i = 0; i < placement->extent_count; i++) {
        const struct place_extent *extent = &placement->extents[i];
        bool low = extent->hpa.v < MIB;
        assert_true(extent->size > 0 && extent->size % PAGE_SIZE == 0);
        assert_true(is_ram(extent->hpa.v, extent->size, extent->node));
        check_disjoint(index, extent);
        if (vm->service) {
            assert_int_equal(extent->gpa.v, extent->hpa.v);
            assert_true(extent->gpa.v >= next);
        } else {
            assert_int_equal(extent->gpa.v, next);
            assert_int_equal((extent->gpa.v | extent->hpa.v | extent->size) % LARGE_PAGE, 0);
            assert_false(low);
        }
        if (vm->node != CONFIG_NODE_ANY && !(vm->service && low))
            assert_int_equal(extent->node, vm->node);
        sum += extent->size;
        next = extent->gpa.v + extent->size;
        next = !vm->service && next == PLACE_LOW_RAM_MAX ? 4 * GIB : next;
    }
    assert_int_equal(sum, vm->memory);
    for (unsigned i = 0; vm->service && i < machine.ram_count && machine.ram[i].base.v < MIB; i++)
        assert_true(placement->extents[0].hpa.v == machine.ram[0].base.v);
}

static unsigned count_free_cores(uint32_t node)
{
    unsigned count = 0;
    for (cpu_id_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        bool taken = node != CONFIG_NODE_ANY && machine.cpus[cpu].node != node;
        for (unsigned i = 0; i < config.vm_count; i++)
            taken = taken || cpu_set_has(&plan.vms[i].cpus, cpu);
        count += taken ? 0 : 1;
    }
    return count;
}

static void check_spans(unsigned index, unsigned threads)
{
    const struct config_vm *vm = &config.vms[index];
    const struct placement *placement = &plan.vms[index];
    bool spans = false;
    for (cpu_id_t cpu = 0; cpu < machine.cpu_count; cpu++)
        spans = spans ||
                (cpu_set_has(&placement->cpus, cpu) && machine.cpus[cpu].node != placement->node);
    for (unsigned i = 0; i < placement->extent_count; i++)
        spans = spans || placement->extents[i].node != placement->node;
    assert_true(placement->spans == spans);
    spanning += spans ? 1 : 0;
    if (!spans || vm->service || vm->cpu_listed || threads > 1)
        return;
    /* It spans, so no node has room for all of it, even now that it has taken its part. */
    for (uint32_t node = 0; node < machine.node_count; node++)
        assert_true(count_free_cores(node) < vm->cpu_count ||
                    place_memory_count(&machine, &plan, node).largest < vm->memory);
}

/* Who is refused would not find room in what is left either. */
static void check_refused(unsigned index, unsigned threads)
{
    const struct config_vm *vm = &config.vms[index];
    const struct placement *placement = &plan.vms[index];
    refused++;
    assert_int_equal(strncmp(placement->reason, "vm \"", 4), 0);
    assert_int_equal(cpu_set_count(&placement->cpus) + placement->extent_count, 0);
    if (threads == 1 && !vm->cpu_listed && !vm->service &&
        (vm->node == CONFIG_NODE_ANY || vm->node < machine.node_count))
        assert_true(count_free_cores(vm->node) < vm->cpu_count ||
                    place_memory_count(&machine, &plan, vm->node).largest < vm->memory);
}

/* Without the VMs that were not placed, the others must be where they are. */
static void check_independence(void)
{
    for (unsigned i = 0; i < config.vm_count; i++)
        config.vms[i].spoilt = !plan.vms[i].placed;
    place_vms(&machine, &config, &again);
    for (unsigned i = 0; i < config.vm_count; i++) {
        const struct placement *a = &plan.vms[i];
        const struct placement *b = &again.vms[i];
        assert_int_equal(a->placed, b->placed);
        if (!a->placed)
            continue;
        placed++;
        assert_memory_equal(&a->cpus, &b->cpus, sizeof(a->cpus));
        assert_int_equal(a->boot_cpu, b->boot_cpu);
        assert_int_equal(a->extent_count, b->extent_count);
        for (unsigned j = 0; j < a->extent_count; j++) {
            assert_int_equal(a->extents[j].hpa.v, b->extents[j].hpa.v);
            assert_int_equal(a->extents[j].size, b->extents[j].size);
        }
    }
}

static void test_invariants(void **state)
{
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned threads = (unsigned)pick(1, 2);
        make_machine(threads);
        make_config();
        place_vms(&machine, &config, &plan);
        for (unsigned i = 0; i < config.vm_count; i++) {
            if (!plan.vms[i].placed) {
                check_refused(i, threads);
                continue;
            }
            check_cores(i);
            check_memory(i);
            check_spans(i, threads);
        }
        check_independence();
    }
    print_message("%u machines: %u VMs placed, %u of them span nodes, %u refused\n", ROUNDS, placed,
                  spanning, refused);
    assert_true(placed > ROUNDS && spanning > ROUNDS / 10 && refused > ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_invariants)};
    return cmocka_run_group_tests_name("place, random machines", tests, NULL, NULL);
}
