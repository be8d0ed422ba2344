/* SPDX-License-Identifier: Apache-2.0 */
/* Where a wedge puts guest and pack, and the start information that the guest gets. */
#include "wedge_pack.h"

static struct whole whole;
static struct boot boot;
static struct start_memory map[] = {
    {0, 0xa0000, 1, 0}, {RAM, RAM_SIZE, 1, 0}, {RAM - 0x1000, 0x1000, 2, 0}};
static struct start_module module;
static struct start_info info;

static void machine_reset(uint64_t pack_at)
{
    memset((void *)RAM, 0xa5, RAM_SIZE);
    memset(&boot, 0, sizeof(boot));
    map[1].size = RAM_SIZE;
    memcpy((void *)pack_at, &whole, sizeof(whole));
    module = (struct start_module){pack_at, sizeof(whole), 0, 0};
    info = (struct start_info){.magic = START_MAGIC,
                               .version = 1,
                               .module_count = 1,
                               .module_list = (uintptr_t)&module,
                               .cmdline = (uintptr_t) "nonce=1",
                               .rsdp = 0xe0000,
                               .memory_map = (uintptr_t)map,
                               .memory_entries = 3};
    assert_null(boot_read(&boot, &info));
}

static const char *place(void)
{
    return place_guest(&boot, (struct place_range){WEDGE, WEDGE_END});
}

static void expect_byte(uint64_t address, uint8_t byte)
{
    assert_int_equal(*(const uint8_t *)address, byte);
}

/* Guest and pack are whole, and nothing lies in the wedge's memory or where there is no RAM. */
static void expect_placed(void)
{
    const uint64_t base = boot.pack.address, end = base + sizeof(whole);
    assert_memory_equal((void *)TEXT, whole.text, TEXT_SIZE);
    expect_byte(TEXT + TEXT_SIZE, 0);
    expect_byte(TEXT + 2 * TEXT_SIZE - 1, 0);
    expect_byte(TEXT + 2 * TEXT_SIZE, 0xa5);
    assert_memory_equal((void *)DATA, whole.data, DATA_SIZE);
    assert_memory_equal((void *)base, &whole, sizeof(whole));
    assert_int_equal((base + whole.pack.initrd.offset) % 4096, 0);
    assert_true(base >= RAM && end <= RAM + map[1].size);
    assert_true(end <= WEDGE || base >= WEDGE_END);
    expect_byte(WEDGE, 0xa5);
    expect_byte(WEDGE_END - 1, 0xa5);
}

/* The pack begins on each 16 bytes near and in what the guest and the wedge need. */
static void pack_is_moved_out_of_the_way(void **state)
{
    unsigned stayed = 0;
    (void)state;
    const uint64_t aligned = RAM + 0x300000 - whole.pack.initrd.offset % 4096;
    for (uint64_t at = TEXT - 2 * 0x1000; at < TEXT + 0x8000; at += 0x1f0) {
        machine_reset(at);
        memset((void *)(TEXT + 2 * TEXT_SIZE), 0xa5, 1);
        memcpy((void *)at, &whole, sizeof(whole));
        const bool covers = at <= TEXT + 2 * TEXT_SIZE && at + sizeof(whole) > TEXT + 2 * TEXT_SIZE;
        assert_null(place());
        if (covers)
            *(uint8_t *)(TEXT + 2 * TEXT_SIZE) = 0xa5;
        stayed += boot.pack.address == at;
        expect_placed();
    }
    assert_int_equal(stayed, 0);
    machine_reset(aligned);
    assert_null(place());
    assert_int_equal(boot.pack.address, aligned);
    expect_placed();
    machine_reset(aligned + 16);
    assert_null(place());
    assert_true(boot.pack.address > RAM + 0x3f0000);
    expect_placed();
}

static bool apart(uint64_t at, uint64_t base, uint64_t end)
{
    return at + sizeof(whole) <= base || at >= end;
}

/* On every page: it stays where nothing needs its place, and only there. */
static void pack_stays_where_it_can(void **state)
{
    unsigned stayed = 0, moved = 0;
    (void)state;
    const uint64_t first = RAM + 0x1000 - whole.pack.initrd.offset % 0x1000;
    for (uint64_t at = first; at + sizeof(whole) <= RAM + RAM_SIZE; at += 0x1000) {
        machine_reset(at);
        assert_null(place());
        const bool good = apart(at, TEXT, TEXT + 2 * TEXT_SIZE) &&
                          apart(at, DATA, DATA + DATA_SIZE) && apart(at, WEDGE, WEDGE_END);
        assert_true((boot.pack.address == at) == good);
        assert_memory_equal((void *)boot.pack.address, &whole, sizeof(whole));
        assert_memory_equal((void *)TEXT, whole.text, TEXT_SIZE);
        assert_memory_equal((void *)DATA, whole.data, DATA_SIZE);
        *(good ? &stayed : &moved) += 1;
    }
    assert_in_range(stayed, 900, 1000);
    assert_in_range(moved, 30, 100);
}

/* Less RAM: the pack goes between wedge and guest, and below the wedge, and then nowhere. */
static void pack_takes_what_is_free(void **state)
{
    (void)state;
    machine_reset(DATA + 0x1000);
    boot.memory[1].size = map[1].size = DATA + DATA_SIZE + 0x1000 - RAM;
    assert_null(place());
    assert_true(boot.pack.address > TEXT && boot.pack.address + sizeof(whole) <= DATA);
    expect_placed();
    whole.pack.size = sizeof(whole);
    for (unsigned hole = 0; hole < 2; hole++) {
        machine_reset(DATA + 0x1000);
        boot.memory[0].type = 2;
        boot.memory[1] = (struct start_memory){TEXT, 0x9000, 1, 0};
        boot.memory[2] = (struct start_memory){DATA, DATA_SIZE, 1, 0};
        if (hole == 1) {
            expect_words(place(), "does not fit into RAM");
            expect_byte(TEXT, 0xa5);
        } else {
            boot.memory[0] = (struct start_memory){RAM, 0x20000, 1, 0};
            assert_null(place());
            assert_true(boot.pack.address + sizeof(whole) <= RAM + 0x20000);
            expect_placed();
        }
    }
}

static void segments_need_ram_and_leave_the_wedge(void **state)
{
    (void)state;
    machine_reset(RAM + 0x300000);
    boot.memory[1].size = TEXT + 2 * TEXT_SIZE - 1 - RAM;
    expect_words(place(), "needs RAM from 20200000 to 20206000, and RAM ends at 20205fff");
    machine_reset(RAM + 0x300000); /* two entries that join are as good as one */
    boot.memory[0] = (struct start_memory){TEXT + 0x1000, RAM + RAM_SIZE - TEXT - 0x1000, 1, 0};
    boot.memory[1].size = TEXT + 0x1000 - RAM;
    assert_null(place());
    machine_reset(RAM + 0x300000);
    expect_words(place_guest(&boot, (struct place_range){TEXT + 2 * TEXT_SIZE - 1, DATA}),
                 "overlaps the wedge");
    expect_byte(TEXT, 0xa5);
}

static void start_info_is_the_guests_own(void **state)
{
    (void)state;
    machine_reset(TEXT);
    assert_null(place());
    memset(map, 0, sizeof(map)); /* as a guest may do with all that the hypervisor wrote */
    memset(&module, 0, sizeof(module));
    assert_null(boot_write(&boot));
    const struct start_module *list = (const void *)boot.start.module_list;
    const struct start_memory *memory = (const void *)boot.start.memory_map;
    assert_int_equal(boot.start.magic, START_MAGIC);
    assert_int_equal(boot.start.rsdp, 0xe0000);
    assert_int_equal(boot.start.module_count, 1);
    assert_int_equal(list->size, sizeof(whole.initrd));
    assert_memory_equal((void *)list->address, whole.initrd, sizeof(whole.initrd));
    assert_string_equal((const char *)boot.start.cmdline, "quiet nonce=1");
    assert_int_equal(boot.start.memory_entries, 3);
    assert_int_equal(memory[1].base, RAM);
    assert_int_equal(boot_memory_top(&boot), RAM + RAM_SIZE);
    boot.memory[0] = (struct start_memory){5 * GIB, GIB, 1, 0};
    assert_int_equal(boot_memory_top(&boot), RAM + RAM_SIZE);
    boot.memory[0] = (struct start_memory){GIB, 5 * GIB, 1, 0};
    assert_int_equal(boot_memory_top(&boot), 4 * GIB);
    map[0] = (struct start_memory){0, 0xa0000, 1, 0};
    map[1] = (struct start_memory){RAM, RAM_SIZE, 1, 0};
    map[2] = (struct start_memory){RAM - 0x1000, 0x1000, 2, 0};
}

static uint64_t param(unsigned offset, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, boot.params + offset, size);
    return value;
}

static void boot_params_say_the_same(void **state)
{
    (void)state;
    machine_reset(TEXT);
    assert_null(place());
    assert_null(boot_write(&boot));
    assert_memory_equal(boot.params + 0x202, "HdrS", 4);
    assert_int_equal(param(0x206, 2), 0x20f);
    assert_int_equal(param(0x070, 8), 0xe0000);
    assert_int_equal(param(0x1e8, 1), 3);
    assert_int_equal(param(0x210, 1), 0xff);
    assert_int_equal(param(0x218, 4), boot.initrd.address);
    assert_int_equal(param(0x21c, 4), sizeof(whole.initrd));
    assert_int_equal(param(0x228, 4), (uint32_t)boot.start.cmdline);
    assert_int_equal(param(0x2d0 + 20, 8), RAM);
    assert_int_equal(param(0x2d0 + 28, 8), RAM_SIZE);
    assert_int_equal(param(0x2d0 + 56, 4), 2);
    assert_int_equal(param(0x2d0 + 60, 8), 0);
}

static void hypervisors_errors_are_named(void **state)
{
    static char longer[CMDLINE_SIZE + 1];
    (void)state;
    memset(longer, 'x', CMDLINE_SIZE);
    machine_reset(TEXT);
    info.module_count = 0;
    expect_words(boot_read(&boot, &info), "there is no pack");
    machine_reset(TEXT);
    info.version = 0;
    expect_words(boot_read(&boot, &info), "version 0) has no memory map");
    machine_reset(TEXT);
    info.magic = 1;
    expect_words(boot_read(&boot, &info), "has no memory map");
    machine_reset(TEXT);
    info.memory_entries = MEMORY_MAX + 1;
    expect_words(boot_read(&boot, &info), "129 entries; at most 128");
    machine_reset(TEXT);
    info.cmdline = (uintptr_t)longer;
    expect_words(boot_read(&boot, &info), "2048 bytes; shorten it to 2047");
    longer[CMDLINE_SIZE - 6] = '\0'; /* one more than is left beside the pack's own */
    assert_null(boot_read(&boot, &info));
    expect_words(boot_write(&boot), "has 5 bytes, the hypervisor's 2042; shorten");
    longer[CMDLINE_SIZE - 7] = '\0';
    assert_null(boot_read(&boot, &info));
    assert_null(boot_write(&boot));
    assert_int_equal(strlen(boot.guest_cmdline), CMDLINE_SIZE - 1);
    machine_reset(TEXT);
    module.address = 4 * GIB - 1;
    expect_words(boot_read(&boot, &info), "beyond 4 GiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pack_is_moved_out_of_the_way),
        cmocka_unit_test(pack_stays_where_it_can),
        cmocka_unit_test(pack_takes_what_is_free),
        cmocka_unit_test(segments_need_ram_and_leave_the_wedge),
        cmocka_unit_test(start_info_is_the_guests_own),
        cmocka_unit_test(boot_params_say_the_same),
        cmocka_unit_test(hypervisors_errors_are_named),
    };
    void *ram = mmap((void *)RAM, RAM_SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (ram != (void *)RAM)
        return 1;
    pack_fill(&whole);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
