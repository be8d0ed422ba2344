/* SPDX-License-Identifier: Apache-2.0 */
/* Placement: nodes, odd machines, SMT, conflicts and over-commitment, each with its message. */
#include "unit.h"

#include "core/place.h"

static struct machine machine;
static struct config config;
static struct config_errors errors;
static struct place_plan plan;

static void add_ram(uint32_t node, uint64_t base, uint64_t size)
{
    machine.ram[machine.ram_count++] = (struct machine_range){{base}, size, node};
}

static void add_cores(uint32_t node, unsigned count, unsigned threads)
{
    for (unsigned i = 0; i < count * threads; i++) {
        cpu_id_t cpu = machine.cpu_count++;
        /* APIC ids with gaps, and none of them the core's number. */
        machine.cpus[cpu] = (struct machine_cpu){
            .apic_id = {cpu * 3 + 8}, .acpi_uid = cpu, .node = node, .core_id = cpu / threads};
    }
}

/* NODES nodes, side by side at distance 10, 20, 30 ..., without cores and memory. */
static void empty_machine(unsigned nodes)
{
    memset(&machine, 0, sizeof(machine));
    machine.node_count = nodes;
    for (unsigned a = 0; a < nodes; a++)
        for (unsigned b = 0; b < nodes; b++)
            machine.distance[a][b] = (uint8_t)(10 + 10 * (a > b ? a - b : b - a));
}

/* The usual machine: one node, a PC's holes, HIGH bytes above 4 GiB. */
static void small_machine(unsigned cores, unsigned threads, uint64_t low, uint64_t high)
{
    empty_machine(1);
    add_cores(0, cores, threads);
    add_ram(0, 0, 0x9f000);
    add_ram(0, MIB, low - MIB);
    if (high > 0)
        add_ram(0, 4 * GIB, high);
}

/* Four nodes with 8 cores and 8 GiB each; the first has the holes. */
static void big_machine(void)
{
    empty_machine(4);
    add_ram(0, 0, 0x9f000);
    add_ram(0, MIB, 3 * GIB - MIB);
    add_ram(0, 4 * GIB, 5 * GIB);
    for (unsigned node = 0; node < 4; node++) {
        add_cores(node, 8, 1);
        if (node > 0)
            add_ram(node, 9 * GIB + (node - 1) * 8 * GIB, 8 * GIB);
    }
}

static unsigned place(const char *text)
{
    if (!config_parse(text, strlen(text), &config, &errors))
        print_message("%u:%u %s\n", errors.list[0].at.line, errors.list[0].at.column,
                      errors.list[0].text);
    return place_vms(&machine, &config, &plan);
}

static void expect_all(const char *text)
{
    if (place(text) == config.vm_count)
        return;
    for (unsigned i = 0; i < config.vm_count; i++)
        if (!plan.vms[i].placed)
            fail_msg("%s", plan.vms[i].reason);
}

static void expect_reason(unsigned vm, unsigned line, unsigned column, const char *reason)
{
    assert_false(plan.vms[vm].placed);
    assert_string_equal(plan.vms[vm].reason, reason);
    assert_int_equal(plan.vms[vm].at.line, line);
    assert_int_equal(plan.vms[vm].at.column, column);
    assert_int_equal(cpu_set_count(&plan.vms[vm].cpus), 0);
    assert_int_equal(plan.vms[vm].extent_count, 0);
}

static void expect_extent(unsigned vm, unsigned index, uint64_t hpa, uint64_t gpa, uint64_t size)
{
    const struct place_extent *extent = &plan.vms[vm].extents[index];
    assert_true(index < plan.vms[vm].extent_count);
    assert_int_equal(extent->hpa.v, hpa);
    assert_int_equal(extent->gpa.v, gpa);
    assert_int_equal(extent->size, size);
}

static void test_eight_on_four_nodes(void **state)
{
    (void)state;
    big_machine();
    expect_all("service host { cpus 4; memory 4G }\n"
               "vm a { like host } vm b { like host } vm c { like host } vm d { like host }\n"
               "vm e { like host; memory 3G } vm f { like host } vm g { like host }");
    unsigned on_node[4] = {0};
    for (unsigned vm = 0; vm < 8; vm++) {
        const struct placement *placement = &plan.vms[vm];
        assert_false(placement->spans);
        assert_int_equal(cpu_set_count(&placement->cpus), 4);
        on_node[placement->node]++;
    }
    for (unsigned node = 0; node < 4; node++)
        assert_int_equal(on_node[node], 2);
    assert_int_equal(plan.vms[0].boot_cpu, 0);
    assert_int_equal(plan.vms[0].extent_count, 3);
    expect_extent(0, 0, 0, 0, 0x9f000);
    expect_extent(0, 1, MIB, MIB, 3 * GIB - MIB);
    expect_extent(0, 2, 4 * GIB, 4 * GIB, GIB + MIB - 0x9f000);
}

static void test_best_fit(void **state)
{
    (void)state;
    empty_machine(3);
    for (unsigned node = 0; node < 3; node++) {
        add_ram(node, (4 + 4 * node) * GIB, node == 2 ? 2 * GIB : 4 * GIB);
        add_cores(node, node == 1 ? 4 : 8, 1);
    }
    expect_all("vm a { cpus 4 }");
    assert_int_equal(plan.vms[0].node, 1); /* the fewest cores are left over */
    expect_all("vm a { cpus 5 }");
    assert_int_equal(plan.vms[0].node, 2); /* as many on 0, but more memory */
    expect_all("vm a { cpus 5; memory 3G }");
    assert_int_equal(plan.vms[0].node, 0);
    expect_all("vm a { cpus 4 } vm b { cpus 8; memory 4G } vm c { cpus 8 }");
    for (unsigned vm = 0; vm < 3; vm++)
        assert_false(plan.vms[vm].spans);
}

static void test_spanning(void **state)
{
    (void)state;
    big_machine();
    expect_all("vm wide { cpus 12; memory 1G } vm deep { cpus 1; memory 10G } vm x { cpus 8 }");
    assert_true(plan.vms[0].spans);
    assert_int_equal(cpu_set_count(&plan.vms[0].cpus), 12);
    assert_true(plan.vms[1].spans);
    assert_int_equal(plan.vms[1].extents[0].node, plan.vms[1].node);
    assert_false(plan.vms[2].spans);
    /* The rest comes from the nearest node: from its neighbour. */
    unsigned home = plan.vms[0].node;
    for (cpu_id_t cpu = 0; cpu < machine.cpu_count; cpu++)
        if (cpu_set_has(&plan.vms[0].cpus, cpu))
            assert_true(machine.distance[home][machine.cpus[cpu].node] <= 20);
}

/* Nodes as far from one another as can be told: a spanning VM takes as few as it can. */
static void test_few_nodes(void **state)
{
    uint32_t used = 0;
    (void)state;
    empty_machine(4);
    memset(machine.distance, 20, sizeof(machine.distance));
    add_ram(0, 0, 0x9f000);
    add_ram(0, MIB, GIB - MIB);
    for (unsigned node = 0; node < 4; node++) {
        add_cores(node, 2, 1);
        if (node > 0)
            add_ram(node, node * GIB, GIB);
    }
    expect_all("service host { cpus 1; memory 256M } vm big { cpus 4; memory 1536M }");
    assert_true(plan.vms[1].spans);
    for (cpu_id_t cpu = 0; cpu < machine.cpu_count; cpu++)
        if (cpu_set_has(&plan.vms[1].cpus, cpu))
            used |= 1u << machine.cpus[cpu].node;
    for (unsigned i = 0; i < plan.vms[1].extent_count; i++)
        used |= 1u << plan.vms[1].extents[i].node;
    assert_int_equal(__builtin_popcount(used), 2);
}

static void test_bound_to_nodes(void **state)
{
    (void)state;
    big_machine();
    expect_all("vm any { cpus 8; memory 8G }\nvm two { node 2; cpus 8; memory 8G }");
    assert_int_equal(plan.vms[1].node, 2);
    assert_false(plan.vms[0].spans);
    assert_int_equal(place("vm a { node 3; cpus 9 }\nvm b { node 3; memory 9G }\nvm c { node 4 }\n"
                           "vm d { node 3; cpus 3 } service e { node 1; memory 1G; cpus 2 }"),
                     2);
    expect_reason(0, 1, 16,
                  "vm \"a\": cpus 9 is more than the 8 left on node 3; write at most 8, or "
                  "node any");
    expect_reason(1, 2, 16,
                  "vm \"b\": memory 9G is more than the 8G left on node 3; write at most "
                  "8G, or node any");
    expect_reason(2, 3, 8,
                  "vm \"c\": node 4 does not exist; the machine has 4, write 0 to 3, or any");
    assert_int_equal(plan.vms[4].node, 1);
    expect_extent(4, 0, 0, 0, 0x9f000);
    expect_extent(4, 1, 9 * GIB, 9 * GIB, GIB - 0x9f000);
}

static void test_odd_machines(void **state)
{
    (void)state;
    empty_machine(4); /* node 0 without cores, 2 without memory, odd numbers elsewhere */
    add_ram(0, 0, 0xa0000);
    add_ram(0, MIB, GIB);
    add_ram(1, 4 * GIB, GIB + 3 * PAGE_SIZE);
    add_ram(3, 8 * GIB + PAGE_SIZE, 2 * GIB);
    add_cores(1, 3, 1);
    add_cores(2, 5, 1);
    add_cores(3, 1, 1);
    expect_all("service host { cpus 1; memory 256M } vm a { cpus 5; memory 1G }\n"
               "vm b { cpus 1; memory 128M } vm c { cpus 2; memory 512M }");
    assert_int_equal(plan.vms[0].boot_cpu, 0);
    assert_true(plan.vms[0].spans);
    assert_int_equal(plan.vms[1].node, 1); /* all of its memory, and some of its cores */
    assert_true(plan.vms[1].spans);
    assert_int_equal(plan.vms[1].extents[0].node, 1);
    assert_int_equal(plan.vms[3].node, 3);
    assert_int_equal(plan.vms[3].extents[0].node, 3);
    assert_int_equal(plan.vms[2].node, 2); /* has a core left, and node 3 the nearest memory */
    assert_int_equal(plan.vms[2].extents[0].node, 3);
}

static void test_guest_layout(void **state)
{
    (void)state;
    small_machine(2, 1, 3 * GIB, 12 * GIB);
    expect_all("vm a { memory 5G } vm b { memory 512M }");
    assert_int_equal(plan.vms[0].extent_count, 2);
    expect_extent(0, 0, 13 * GIB, 0, 3 * GIB);
    expect_extent(0, 1, 11 * GIB, 4 * GIB, 2 * GIB);
    expect_extent(1, 0, 11 * GIB - 512 * MIB, 0, 512 * MIB);
    /* Memory that does not begin at a whole GiB: the next one below is taken. */
    small_machine(2, 1, 3 * GIB, 4 * GIB + 300 * MIB);
    expect_all("vm a { memory 1G } vm b { memory 256M }");
    expect_extent(0, 0, 7 * GIB, 0, GIB);
    expect_extent(1, 0, 8 * GIB + 44 * MIB, 0, 256 * MIB);
    /* No piece is large enough: the longest ones, as few as possible. */
    small_machine(1, 1, GIB, 0);
    add_ram(0, 5 * GIB, 256 * MIB);
    add_ram(0, 6 * GIB, 512 * MIB);
    expect_all("vm a { memory 1280M }");
    assert_int_equal(plan.vms[0].extent_count, 2);
    expect_extent(0, 0, 2 * MIB, 0, 1022 * MIB);
    expect_extent(0, 1, 6 * GIB + 254 * MIB, 1022 * MIB, 258 * MIB);
}

static void test_service_memory(void **state)
{
    (void)state;
    small_machine(4, 1, 2 * GIB, 0);
    /* The listed VM chooses first and still leaves the lowest memory. */
    expect_all("vm a { cpus 1-2; memory 512M }\nservice s { cpus 2; memory 1G }");
    assert_int_equal(plan.vms[1].extent_count, 2);
    expect_extent(1, 0, 0, 0, 0x9f000);
    expect_extent(1, 1, MIB, MIB, GIB - 0x9f000);
    expect_extent(0, 0, 1536 * MIB, 0, 512 * MIB);
    /* Crumbs are left out where there are more of them than extents. */
    small_machine(1, 1, 2 * MIB, 0);
    for (unsigned i = 0; i < 30; i++)
        add_ram(0, 16 * MIB + i * 64 * KIB, PAGE_SIZE);
    add_ram(0, GIB, GIB);
    expect_all("service s { memory 512M }");
    assert_int_equal(plan.vms[0].extent_count, 3);
    expect_extent(0, 2, GIB, GIB, 511 * MIB - 0x9f000);
    /* Pieces that touch are one; those of another node are not. */
    empty_machine(2);
    add_cores(0, 1, 1);
    add_ram(0, 0, 0x9f000);
    add_ram(0, MIB, MIB);
    add_ram(0, 2 * MIB, 100 * MIB);
    add_ram(1, 102 * MIB, 100 * MIB);
    expect_all("service s { memory 200M }");
    assert_int_equal(plan.vms[0].extent_count, 3);
    expect_extent(0, 1, MIB, MIB, 101 * MIB);
    assert_true(plan.vms[0].spans);
}

static void test_conflicts(void **state)
{
    (void)state;
    small_machine(4, 1, 2 * GIB, 4 * GIB);
    assert_int_equal(place("vm web { cpus 2,3 }\nvm db { memory 1G; cpus 3-3 }\nvm x { cpus 1,4 }\n"
                           "vm y { cpus 2 }\nvm z { memory 1M }"),
                     2);
    expect_reason(1, 2, 20,
                  "vm \"db\": core 3 is already vm \"web\"'s; write another core in "
                  "\"cpus\"");
    expect_reason(2, 3, 8, "vm \"x\": core 4 does not exist; the machine has 4, write 0 to 3");
    expect_reason(4, 5, 1, "vm \"z\": its configuration has an error; correct it");
    assert_true(plan.vms[3].placed);
    /* A VM that cannot be placed does not keep others from its cores. */
    assert_int_equal(place("vm a { cpus 0-2; memory 100G }\nvm b { cpus 2-3 }\nvm c { cpus 2 }"),
                     2);
    assert_true(plan.vms[1].placed && plan.vms[2].placed);
}

static void test_overcommit(void **state)
{
    (void)state;
    small_machine(4, 1, 2 * GIB, 0);
    assert_int_equal(
        place("vm a { cpus 3 }\nvm b { cpus 2 }\nvm c { memory 3G }\nvm d {}\nvm e {}"), 2);
    expect_reason(1, 2, 8, "vm \"b\": cpus 2 is more than the 1 left; write at most 1");
    expect_reason(2, 3, 8, "vm \"c\": memory 3G is more than the 1534M left; write at most 1534M");
    expect_reason(4, 5, 1,
                  "vm \"e\": cpus 1 is more than the 0 left; write fewer \"cpus\" in other "
                  "VMs");
    /* The earlier ones win, even where the later one is larger; the service VM before all. */
    assert_int_equal(place("vm a { cpus 2 } vm b { cpus 2 } vm c { cpus 4 }"), 2);
    assert_false(plan.vms[2].placed);
    assert_int_equal(place("vm a { memory 1G; cpus 0-2 }\nservice s { memory 1536M }"), 1);
    expect_reason(0, 1, 8, "vm \"a\": memory 1G is more than the 510M left; write at most 510M");
    assert_int_equal(place("service s { memory 2032M }\nvm a {}"), 1);
    expect_reason(1, 2, 1,
                  "vm \"a\": memory 512M: none is left; write less \"memory\" in other VMs");
    small_machine(1, 1, 256 * MIB, 0);
    for (unsigned i = 0; i < 80; i++)
        add_ram(0, 4 * GIB + i * 64 * MIB, 16 * MIB);
    assert_int_equal(place("vm a { memory 1G }"), 0);
    expect_reason(0, 1, 8,
                  "vm \"a\": memory 1G would be in more than 32 pieces; write at most 254M");
    assert_int_equal(place("vm a { memory 8G }"), 0);
    expect_reason(0, 1, 8,
                  "vm \"a\": memory 8G is more than the 1534M left (largest free piece: "
                  "254M); write at most 1534M");
}

static void test_siblings(void **state)
{
    (void)state;
    small_machine(4, 2, 2 * GIB, 4 * GIB);
    expect_all("service s { cpus 3 } vm a { cpus 2 } vm b { cpus 1 }");
    assert_int_equal(plan.vms[0].cpus.bits[0], 0x07); /* 0 with its sibling 1, and half of 2-3 */
    assert_int_equal(plan.vms[1].cpus.bits[0], 0x30);
    assert_int_equal(plan.vms[2].cpus.bits[0], 0x40);
    assert_int_equal(place("vm a { cpus 1 } vm b { cpus 1 } vm c { cpus 1 }\nvm d { cpus 3 }"), 3);
    expect_reason(3, 2, 8,
                  "vm \"d\": cpus 3 is more than the 2 left (3 more: SMT siblings of "
                  "another VM's); write at most 2, or allow-smt-sharing in these VMs");
    assert_int_equal(place("vm a { cpus 2-2 }\nvm b { cpus 3-3 }"), 1);
    expect_reason(1, 2, 8,
                  "vm \"b\": core 3 is the SMT sibling of core 2, which vm \"a\" has; write "
                  "another core in \"cpus\", or allow-smt-sharing in both VMs");
    assert_int_equal(place("vm a { cpus 2-2; allow-smt-sharing }\nvm b { cpus 3-3 }"), 1);
    expect_all("vm a { cpus 2-2; allow-smt-sharing }\nvm b { cpus 3-3; allow-smt-sharing }");
    expect_all("vm a { cpus 3; allow-smt-sharing } vm b { cpus 3; allow-smt-sharing }\n"
               "vm c { cpus 2 }");
}

static void test_boot_core(void **state)
{
    (void)state;
    small_machine(4, 1, 2 * GIB, 4 * GIB);
    expect_all("vm a { cpus 0,2 } service s { cpus 2 }");
    assert_int_equal(plan.vms[0].boot_cpu, 0);
    assert_int_equal(plan.vms[1].boot_cpu, 1);
    expect_all("vm a { cpus 2 } service s { cpus 0,3 }");
    assert_int_equal(plan.vms[1].boot_cpu, 0);
    expect_all("service s { cpus 2,3 } vm a { cpus 2 }");
    assert_int_equal(plan.vms[0].boot_cpu, 2);
    big_machine();
    expect_all("vm a { cpus 7,8,9 }"); /* most of its cores are on node 1 */
    assert_int_equal(plan.vms[0].boot_cpu, 8);
    assert_int_equal(plan.vms[0].node, 1);
    assert_int_equal(plan.vms[0].extents[0].node, 1);
    assert_true(plan.vms[0].spans);
}

static void test_memory_count(void **state)
{
    (void)state;
    big_machine();
    expect_all("vm a { node 1; memory 1G }");
    struct place_memory memory = place_memory_count(&machine, &plan, 1);
    assert_int_equal(memory.total, 8 * GIB);
    assert_int_equal(memory.free, 7 * GIB);
    assert_int_equal(memory.largest, 7 * GIB);
    memory = place_memory_count(&machine, &plan, CONFIG_NODE_ANY);
    assert_int_equal(memory.total, 32 * GIB - 2 * MIB);
    assert_int_equal(memory.free, 31 * GIB - 2 * MIB);
    assert_int_equal(memory.largest, 8 * GIB);
}

/* One more VM, beside others that stay where they are; and all as before without it. */
static void test_one_more(void **state)
{
    static struct place_plan before;
    (void)state;
    small_machine(4, 1, GIB, 0);
    expect_all("service host { cpus 2; memory 512M } vm a { memory 256M } vm b { memory 128M }");
    memset(&plan.vms[2], 0, sizeof(plan.vms[2])); /* b is gone again */
    before = plan;
    assert_true(place_add(&machine, &config, &plan, 2));
    assert_int_equal(cpu_set_count(&plan.vms[2].cpus), 1);
    assert_true(cpu_set_has(&plan.vms[2].cpus, 3));
    assert_memory_equal(plan.vms, before.vms, 2 * sizeof(plan.vms[0]));
    memset(&plan.vms[2], 0, sizeof(plan.vms[2]));
    config.vms[2].memory = 300 * MIB;
    assert_false(place_add(&machine, &config, &plan, 2));
    assert_non_null(strstr(plan.vms[2].reason, "memory"));
    config.vms[2].memory = 128 * MIB;
    config.vms[2].cpu_count = 2;
    assert_false(place_add(&machine, &config, &plan, 2));
    assert_non_null(strstr(plan.vms[2].reason, "cpus 2 is more than the 1 left"));
    assert_memory_equal(plan.vms, before.vms, 2 * sizeof(plan.vms[0]));
}

static void set_cores(struct cpu_set *set, const char *numbers)
{
    *set = (struct cpu_set){0};
    for (; *numbers != '\0'; numbers++)
        cpu_set_add(set, (cpu_id_t)(*numbers - '0'));
}

static void expect_cores(const struct cpu_set *set, const char *numbers)
{
    struct cpu_set wanted;
    set_cores(&wanted, numbers);
    assert_memory_equal(set, &wanted, sizeof(wanted));
}

/* A VM's kernel is told of cores that it may get: free ones before others', and not twice. */
static void test_cores_to_come(void **state)
{
    (void)state;
    small_machine(8, 1, GIB, 0);
    expect_all("service host { cpus 2; memory 512M } vm a { cpus 2; cpus-most 4; memory 64M }"
               "vm b { memory 64M }");
    place_tell(&machine, &config, &plan, 1, 4);
    expect_cores(&plan.vms[1].told, "23");
    expect_cores(&plan.vms[1].may, "56");
    place_tell(&machine, &config, &plan, 2, 2); /* not told to anybody yet */
    expect_cores(&plan.vms[2].may, "7");
    place_tell(&machine, &config, &plan, 2, 5); /* then other free ones, then the service VM's */
    expect_cores(&plan.vms[2].may, "1567");
    place_tell(&machine, &config, &plan, 2, 256); /* never one that a VM has started on */
    expect_cores(&plan.vms[2].may, "13567");
    place_tell(&machine, &config, &plan, 2, 1);
    expect_cores(&plan.vms[2].may, "");
}

/* How stock Linux counts: its first core, its others, those to come. */
static void test_core_numbers(void **state)
{
    struct placement placement = {.boot_cpu = 4};
    (void)state;
    set_cores(&placement.told, "246");
    set_cores(&placement.may, "035");
    static const unsigned numbers[] = {3, 0, 1, 4, 0, 5, 2};
    for (cpu_id_t core = 0; core < ARRAY_SIZE(numbers); core++)
        if (core != 1)
            assert_int_equal(place_number(&placement, core), numbers[core]);
    set_cores(&placement.told, "2468");
    placement.boot_cpu = 2;
    assert_int_equal(place_number(&placement, 8), 3);
    assert_int_equal(place_number(&placement, 0), 4);
}

/* One core more: of those that are asked for, that nobody has, no sibling has, and that is near. */
static void test_core_more(void **state)
{
    struct cpu_set among;
    cpu_id_t core = 0;
    (void)state;
    small_machine(4, 2, GIB, 0);
    expect_all("service host { cpus 2; memory 512M } vm a { cpus 2; memory 64M }"
               "vm b { memory 64M }");
    assert_true(place_core(&machine, &config, &plan, 1, NULL, &core));
    assert_int_equal(core, 6);
    assert_true(place_core(&machine, &config, &plan, 2, NULL, &core));
    assert_int_equal(core, 5); /* the sibling of what it has */
    set_cores(&among, "0235");
    assert_false(place_core(&machine, &config, &plan, 1, &among, &core));
    set_cores(&among, "0237");
    assert_true(place_core(&machine, &config, &plan, 1, &among, &core));
    assert_int_equal(core, 7);
    cpu_set_add(&plan.kept.cpus, 7);
    assert_false(place_core(&machine, &config, &plan, 1, &among, &core));
    big_machine();
    expect_all("vm a { cpus 2; node 1 } vm b { cpus 6; node 1 } vm c { cpus 2; node any }");
    assert_false(place_core(&machine, &config, &plan, 0, NULL, &core));
    config.vms[0].node = CONFIG_NODE_ANY;
    assert_true(place_core(&machine, &config, &plan, 0, NULL, &core));
    assert_true(machine.cpus[core].node == 0 || machine.cpus[core].node == 2);
}

/* What is kept for nobody is not free, and what is free has its node. */
static void test_free_pieces(void **state)
{
    hpa_t base;
    struct place_extent piece = {{12 * GIB}, {12 * GIB}, GIB, 0};
    (void)state;
    big_machine();
    expect_all("service host { }");
    assert_true(place_is_free(&machine, &plan, &piece));
    assert_int_equal(piece.node, 1);
    piece.size = 6 * GIB; /* beyond its node's end */
    assert_false(place_is_free(&machine, &plan, &piece));
    piece.size = GIB;
    assert_true(place_memory_put(&plan.kept, &piece));
    piece.size = LARGE_PAGE;
    assert_false(place_is_free(&machine, &plan, &piece));
    assert_true(place_memory_cut(&plan.kept, (hpa_t){12 * GIB}, GIB));
    assert_true(place_is_free(&machine, &plan, &piece));
    assert_int_equal(plan.kept.extent_count, 0);
    assert_true(place_find(&machine, &plan, 8 * GIB, &base));
    assert_false(place_find(&machine, &plan, 8 * GIB + LARGE_PAGE, &base));
}

/* More memory for a VM: on its node, else near it; it is nobody else's then, and comes back. */
static void test_more(void **state)
{
    struct place_extent extent;
    (void)state;
    big_machine();
    expect_all("service host { }\nvm a { memory 6G; node 2 }\n");
    struct place_memory before = place_memory_count(&machine, &plan, CONFIG_NODE_ANY);
    assert_true(place_more(&machine, &plan, 1, 2, GIB, &extent));
    assert_int_equal(extent.size, GIB);
    assert_int_equal(extent.node, 2);
    assert_int_equal(extent.gpa.v, extent.hpa.v);
    assert_false(place_is_free(&machine, &plan, &extent));
    struct place_memory now = place_memory_count(&machine, &plan, CONFIG_NODE_ANY);
    assert_int_equal(now.total, before.total);
    assert_int_equal(now.free, before.free - GIB);
    assert_int_equal(plan.vms[1].extent_count, 2);
    assert_true(place_more(&machine, &plan, 1, 2, 4 * GIB, &extent)); /* what is left there */
    assert_int_equal(extent.size, GIB);
    assert_false(place_more(&machine, &plan, 1, 2, LARGE_PAGE, &extent));
    assert_true(place_more(&machine, &plan, 1, CONFIG_NODE_ANY, LARGE_PAGE, &extent));
    assert_int_not_equal(extent.node, 2);
    assert_true(place_memory_cut(&plan.more[1], extent.hpa, extent.size));
    while (plan.more[1].extent_count > 0) {
        extent = plan.more[1].extents[0];
        assert_true(place_memory_cut(&plan.more[1], extent.hpa, extent.size));
        assert_true(place_is_free(&machine, &plan, &extent));
    }
    assert_int_equal(place_memory_count(&machine, &plan, CONFIG_NODE_ANY).free, before.free);
}

/* A VM's memory with holes, which are filled again: as at first. */
static void test_holes(void **state)
{
    static struct placement whole, holed;
    (void)state;
    whole = (struct placement){.extents = {{{0}, {0}, 640 * KIB, 0}, {{GIB}, {GIB}, GIB, 0}},
                               .extent_count = 2};
    holed = whole;
    assert_false(place_memory_cut(&holed, (hpa_t){GIB - LARGE_PAGE}, 2 * LARGE_PAGE));
    assert_false(place_memory_cut(&holed, (hpa_t){2 * GIB}, LARGE_PAGE));
    assert_memory_equal(&holed, &whole, sizeof(whole));
    struct place_extent pieces[] = {
        {{GIB}, {GIB}, LARGE_PAGE, 0},
        {{GIB + 8 * LARGE_PAGE}, {GIB + 8 * LARGE_PAGE}, LARGE_PAGE, 0},
        {{2 * GIB - LARGE_PAGE}, {2 * GIB - LARGE_PAGE}, LARGE_PAGE, 0}};
    for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
        assert_true(place_memory_cut(&holed, pieces[i].hpa, pieces[i].size));
        assert_false(place_memory_cut(&holed, pieces[i].hpa, pieces[i].size));
    }
    assert_int_equal(holed.extent_count, 3);
    for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
        assert_true(place_memory_put(&holed, &pieces[i]));
        place_memory_join(&holed);
    }
    assert_int_equal(holed.extent_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(holed.extents[i].hpa.v, whole.extents[i].hpa.v);
        assert_int_equal(holed.extents[i].gpa.v, whole.extents[i].gpa.v);
        assert_int_equal(holed.extents[i].size, whole.extents[i].size);
    }
    holed.extent_count = PLACE_EXTENTS_MAX;
    assert_false(place_memory_put(&holed, &pieces[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eight_on_four_nodes),
        cmocka_unit_test(test_best_fit),
        cmocka_unit_test(test_spanning),
        cmocka_unit_test(test_few_nodes),
        cmocka_unit_test(test_bound_to_nodes),
        cmocka_unit_test(test_odd_machines),
        cmocka_unit_test(test_guest_layout),
        cmocka_unit_test(test_service_memory),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_overcommit),
        cmocka_unit_test(test_siblings),
        cmocka_unit_test(test_boot_core),
        cmocka_unit_test(test_memory_count),
        cmocka_unit_test(test_one_more),
        cmocka_unit_test(test_cores_to_come),
        cmocka_unit_test(test_core_numbers),
        cmocka_unit_test(test_core_more),
        cmocka_unit_test(test_free_pieces),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_holes),
    };
    return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
