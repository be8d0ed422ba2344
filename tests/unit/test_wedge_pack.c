/* SPDX-License-Identifier: Apache-2.0 */
/* What a wedge takes for a pack. */
#include "wedge_pack.h"

static struct whole whole;

static const char *check(void)
{
    pack_seal(&whole);
    return pack_check(&whole.pack, sizeof(whole));
}

static void good_pack_passes(void **state)
{
    (void)state;
    pack_fill(&whole);
    assert_null(check());
    pack_fill(&whole);
    whole.pack.text_area_size = whole.pack.data_area_size = whole.pack.ex_table_size = 0;
    whole.pack.text_area = whole.pack.data_area = whole.pack.ex_table = 0;
    assert_null(check());
}

/* Python's zlib.crc32(bytes(16) + b"\xf0" + bytes(223)). */
static void checksum_is_that_of_zlib(void **state)
{
    struct afterburn_pack pack = {.size = sizeof(pack), .checksum = 0xdeadbeef};
    (void)state;
    assert_int_equal(sizeof(pack), 0xf0);
    assert_int_equal(pack_checksum(&pack), 0x70dd6762);
}

static void each_truncation_says_how_much_is_left(void **state)
{
    (void)state;
    pack_fill(&whole);
    for (uint64_t size = 0; size < sizeof(whole); size += size < 600 ? 1 : 97) {
        uint8_t *cut = malloc(size != 0 ? size : 1);
        char words[64];
        memcpy(cut, &whole, size);
        snprintf(words, sizeof(words), size < 8 ? "(%lu bytes) is no pack" : "truncated: %lu of ",
                 (unsigned long)size);
        expect_words(pack_check((const void *)cut, size), words);
        free(cut);
    }
}

static void file_errors_say_what_is_wrong(void **state)
{
    (void)state;
    pack_fill(&whole);
    whole.pack.version = 2;
    expect_words(check(), "version 2, this wedge knows 1");
    pack_fill(&whole);
    whole.pack.magic[3] = 'x';
    expect_words(check(), "no pack");
    pack_fill(&whole);
    whole.text[77] ^= 1;
    expect_words(pack_check(&whole.pack, sizeof(whole)), "CRC-32");
    pack_fill(&whole);
    whole.pack.header_size--;
    expect_words(check(), "its header");
    pack_fill(&whole);
    whole.pack.size = 100;
    expect_words(pack_check(&whole.pack, sizeof(whole)), "its header");
}

static void whatever_points_outside_is_named(void **state)
{
    static const struct {
        uint64_t *field, value;
        const char *words;
    } changes[] = {
        {&whole.pack.segments.offset, sizeof(whole) - 56, "its segments"},
        {&whole.pack.sites.offset, offsetof(struct whole, sites) + 4, "its sites"},
        {&whole.pack.sites.offset, UINT64_MAX - 7, "its sites"},
        {&whole.pack.symbols.size, sizeof(whole) + 1, "its symbols"},
        {&whole.pack.initrd.size, sizeof(whole.initrd) + 64, "its initrd"},
        {&whole.pack.cmdline.offset, sizeof(whole), "its command line"},
        {&whole.segments[0].offset, sizeof(whole) - TEXT_SIZE + 1, "its segment at 20200000"},
        {&whole.segments[0].memory_size, TEXT_SIZE - 1, "its segment at 20200000"},
        {&whole.segments[0].memory_size, 4 * GIB, "its segment at 20200000"},
        {&whole.segments[0].memory_size, 0x80001, "its segment at 20280000"},
        {&whole.segments[1].physical, TEXT - DATA_SIZE + 1, "its segment at 201fe001"},
        {&whole.pack.entry, TEXT - 1, "its entry"},
        {&whole.pack.text_area, TEXT + 2 * TEXT_SIZE - 0xfff, "its text area"},
        {&whole.pack.data_area, DATA + 1, "its data area"},
        {&whole.pack.ex_table, 0, "its exception table"},
        {&whole.symbols[0].value, TEXT - 10, "its function at 201fffff"},
        {&whole.symbols[0].value, TEXT + 2 * TEXT_SIZE - 13, "its function at 20205ffc"},
        {&whole.symbols[0].value, UINT64_MAX - 8, "its function at 0"},
        {&whole.sites[0].physical, TEXT - 4, "its site at 201ffffc"},
        {&whole.sites[0].physical, TEXT + 33, "its site at 20200025"},
        {&whole.sites[2].physical, TEXT + 2 * TEXT_SIZE - 5, "its site at 20205ffb"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        pack_fill(&whole);
        *changes[i].field = changes[i].value;
        expect_words(check(), changes[i].words);
    }
    pack_fill(&whole);
    whole.sites[2].length = 7;
    expect_words(check(), "its site");
    pack_fill(&whole);
    memset(whole.pack.name, 'x', sizeof(whole.pack.name));
    expect_words(check(), "its header");
}

/* The header and tables hold anything, with a checksum that fits, in a buffer without a byte more.
 */
static void packs_may_hold_anything(void **state)
{
    const size_t tables = offsetof(struct whole, text);
    struct whole *exact = malloc(sizeof(*exact));
    uint64_t seed = 5;
    unsigned good = 0;
    (void)state;
    assert_non_null(exact);
    pack_fill(&whole);
    for (unsigned round = 0; round < 20000; round++) {
        *exact = whole;
        for (uint64_t i = unit_random(&seed) % 4; i < 4; i++)
            ((uint8_t *)exact)[unit_random(&seed) % tables] = (uint8_t)(unit_random(&seed) >> 9);
        if (exact->pack.size >= sizeof(exact->pack) && exact->pack.size <= sizeof(*exact))
            pack_seal(exact);
        good += pack_check(&exact->pack, sizeof(*exact)) == NULL;
    }
    assert_in_range(good, 100, 19000);
    free(exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_pack_passes),
        cmocka_unit_test(checksum_is_that_of_zlib),
        cmocka_unit_test(each_truncation_says_how_much_is_left),
        cmocka_unit_test(file_errors_say_what_is_wrong),
        cmocka_unit_test(whatever_points_outside_is_named),
        cmocka_unit_test(packs_may_hold_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
