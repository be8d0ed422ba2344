/* SPDX-License-Identifier: Apache-2.0 */
/* A boot loader's information: good, and cut or damaged in ways that fuzzing found. */
#include "unit.h"

#include "x86/boot_info.h"
#include "x86/memory.h"

#define COMMAND 1u
#define MODULE  3u
#define MAP     6u
#define FRAME   8u
#define EFI_64  12u
#define RSDP    15u
#define EFI_MAP 17u

static struct boot_info boot;
static struct {
    uint32_t words[256];
    unsigned used;
} made;

/* boot_keep_modules calls it; no test here does that. */
void *memory_pages(unsigned pages)
{
    (void)pages;
    return NULL;
}

static void make_open(void)
{
    made.used = 2;
}

/* A tag that says SIZE, with COUNT words behind its header. */
static void make_tag(uint32_t type, uint32_t size, const uint32_t *words, unsigned count)
{
    made.words[made.used++] = type;
    made.words[made.used++] = size;
    if (count > 0)
        memcpy(made.words + made.used, words, count * sizeof(*words));
    made.used = (made.used + count + 1) & ~1u;
}

/* Read what was made, in a copy of just that size, with the end tag or without. */
static const char *make_read(bool with_end)
{
    uint32_t size = made.used * 4;
    if (with_end)
        make_tag(0, 8, NULL, 0);
    size = with_end ? size + 8 : size;
    made.words[0] = size;
    void *copy = malloc(size);
    memcpy(copy, made.words, size);
    memset(&boot, 0, sizeof(boot));
    const char *error = boot_read_multiboot2((uintptr_t)copy, &boot);
    free(copy);
    return error;
}

static void make_map(uint32_t entry_size)
{
    const uint32_t map[] = {entry_size, 0, 0, 0, 0x9f000, 0, 1, 0, 0x100000, 0, 0x100000, 0, 1, 0};
    make_tag(MAP, 8 + sizeof(map), map, ARRAY_SIZE(map));
}

static void expect_damaged(void)
{
    const char *error = make_read(false);
    assert_non_null(error);
    assert_non_null(strstr(error, "damaged"));
}

static void whole_information_is_read(void **state)
{
    const uint32_t module[] = {0x200000, 0x300000, 0x2e612f2f, 0x20666e63, 0x6e6d2e6d, 0x00000078};
    const uint32_t frame[] = {0xfd000000, 0, 4096, 1024, 768, 0x120, 0x00081000, 0x0000};
    (void)state;
    make_open();
    make_map(24);
    make_tag(MODULE, 8 + sizeof(module), module, ARRAY_SIZE(module));
    make_tag(FRAME, 8 + sizeof(frame), frame, ARRAY_SIZE(frame));
    make_tag(RSDP, 8 + 24, module, 6);
    assert_null(make_read(true));
    assert_int_equal(boot.map.count, 2);
    assert_int_equal(boot.module_count, 1);
    assert_int_equal(boot.modules[0].size, 0x100000);
    assert_string_equal(boot.modules[0].name, "m.mnx");
    assert_true(boot.firmware.has_framebuffer);
    assert_int_equal(boot.firmware.framebuffer.width, 1024);
    assert_int_equal(boot.rsdp, (uintptr_t)boot.rsdp_copy);
}

static void efi_is_read(void **state)
{
    const uint32_t table[] = {0x12345678, 0x9a};
    uint32_t map[2 + 2 * 12] = {48, 1, 7, [2 + 12] = 6, [2 + 12 + 2] = 0x7000};
    (void)state;
    make_open();
    make_map(24);
    make_tag(EFI_64, 8 + sizeof(table), table, ARRAY_SIZE(table));
    make_tag(EFI_MAP, 8 + sizeof(map), map, ARRAY_SIZE(map));
    assert_null(make_read(true));
    assert_true(boot.efi.system_table == 0x9a12345678);
    assert_int_equal(boot.efi.stride, 48);
    assert_int_equal(boot.efi.count, 1);
    assert_int_equal(boot.efi.kept[0].physical, 0x7000);
    map[0] = 39; /* less than a descriptor: no EFI, but no error */
    make_open();
    make_map(24);
    make_tag(EFI_64, 8 + sizeof(table), table, ARRAY_SIZE(table));
    make_tag(EFI_MAP, 8 + sizeof(map), map, ARRAY_SIZE(map));
    assert_null(make_read(true));
    assert_int_equal(boot.efi.count, 0);
}

static void the_command_line_may_say_the_rsdp(void **state)
{
    static const struct {
        const char *line;
        uint64_t rsdp;
    } cases[] = {
        {"", 0},
        {"mullion.elf", 0},
        {"rsdp=", 0},
        {"rsdp=0x", 0},
        {"/mullion.elf rsdp=0x7FfE014", 0x7ffe014},
        {"rsdp=7ffe014 more", 0x7ffe014},
        {"acpi_rsdp=0x1000", 0},
        {"quiet rsdp=10g", 0x10},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        memset(&boot, 0, sizeof(boot));
        boot_read_command(&boot, cases[i].line);
        assert_int_equal(boot.rsdp_said, cases[i].rsdp);
    }
}

/* The lengths that a tag or the whole states are not believed. */
static void tags_that_leave_it_are_damage(void **state)
{
    static const uint32_t types[] = {COMMAND, MODULE, MAP, FRAME, EFI_64, RSDP, EFI_MAP, 77};
    const uint32_t words[4] = {24};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        for (uint32_t size = 0; size < 8; size++) {
            make_open();
            make_tag(types[i], size, words, 4);
            expect_damaged();
        }
        for (uint32_t size = 25; size < 2000; size += 7) {
            make_open();
            make_tag(types[i], size, words, 4);
            expect_damaged();
        }
    }
}

static void short_tags_are_damage(void **state)
{
    const uint32_t words[4] = {0x200000, 0x300000, 0x61616161, 0x61616161};
    (void)state;
    for (uint32_t size = 8; size < 16; size++) {
        make_open();
        make_tag(MODULE, size, words, 2);
        expect_damaged();
        make_open();
        make_tag(MAP, size, words, 2);
        expect_damaged();
    }
    make_open();
    make_tag(MODULE, 24, words, 4); /* the name does not end */
    expect_damaged();
    make_open();
    make_tag(COMMAND, 16, words + 2, 2); /* nor does the line */
    expect_damaged();
}

static void entries_of_another_form_are_refused(void **state)
{
    static const uint32_t sizes[] = {0, 8, 16, 23, 25, 28, 33};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        make_open();
        make_map(sizes[i]);
        const char *error = make_read(true);
        assert_non_null(error);
        assert_non_null(strstr(error, "unknown form"));
    }
}

static void a_module_ends_behind_its_beginning(void **state)
{
    const uint32_t module[] = {0x300000, 0x2fffff, 0};
    (void)state;
    make_open();
    make_map(24);
    make_tag(MODULE, 8 + sizeof(module), module, ARRAY_SIZE(module));
    assert_string_equal(make_read(true), "a boot module ends before it begins");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_information_is_read),
        cmocka_unit_test(efi_is_read),
        cmocka_unit_test(the_command_line_may_say_the_rsdp),
        cmocka_unit_test(tags_that_leave_it_are_damage),
        cmocka_unit_test(short_tags_are_damage),
        cmocka_unit_test(entries_of_another_form_are_refused),
        cmocka_unit_test(a_module_ends_behind_its_beginning),
    };
    return cmocka_run_group_tests_name("multiboot", tests, NULL, NULL);
}
