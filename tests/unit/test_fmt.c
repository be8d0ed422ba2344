/* SPDX-License-Identifier: Apache-2.0 */
/* Formatted text: every conversion against the C library's, and buffers that are too small. */
#include "unit.h"

#include "core/types.h"
#include "lib/fmt.h"

#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours[128], theirs[128];                                                               \
        size_t length = fmt_text(ours, sizeof(ours), __VA_ARGS__);                                 \
        assert_int_equal(length, snprintf(theirs, sizeof(theirs), __VA_ARGS__));                   \
        assert_string_equal(ours, theirs);                                                         \
    } while (0)

static void test_conversions(void **state)
{
    (void)state;
    SAME("plain");
    SAME("%s|%5s|%-5s|%2s", "abc", "abc", "abc", "abc");
    SAME("%c%c", 'a', 'b');
    SAME("%u|%5u|%05u|%-5u|%1u", 42u, 42u, 42u, 42u, 42u);
    SAME("%u|%lu|%zu", UINT32_MAX, UINT64_MAX, (size_t)7);
    SAME("%d|%5d|%05d|%-5d|", -42, -42, -42, -42);
    SAME("%d|%d|%ld|%ld", INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX);
    SAME("%x|%lx|%08x|%016lx", 0xbeefu, 0xfee00000deadbeefu, 0xbeefu, 0xfee00000ul);
    SAME("%u %x %d", 0u, 0u, 0);
    SAME("100%%");
}

static void test_null(void **state)
{
    (void)state;
    char text[16];
    const char *volatile nothing = NULL;
    fmt_text(text, sizeof(text), "%s", nothing);
    assert_string_equal(text, "(null)");
}

static void test_small_buffers(void **state)
{
    (void)state;
    char text[8];
    for (size_t size = 1; size <= sizeof(text); size++) {
        memset(text, '#', sizeof(text));
        assert_int_equal(fmt_text(text, size, "%s%u", "abcd", 123456u), size - 1);
        assert_memory_equal(text, "abcd123", size - 1);
        assert_int_equal(text[size - 1], '\0');
        for (size_t i = size; i < sizeof(text); i++)
            assert_int_equal(text[i], '#');
    }
    memset(text, '#', sizeof(text));
    assert_int_equal(fmt_text(text, 0, "abc"), 0);
    assert_int_equal(text[0], '#');
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {
        {0, "0B"},
        {1, "1B"},
        {1023, "1023B"},
        {KIB, "1K"},
        {1536 * KIB, "1536K"},
        {512 * MIB, "512M"},
        {1025 * MIB, "1025M"},
        {2 * GIB, "2G"},
        {1024 * GIB, "1T"},
        {1024 * 1024 * GIB, "1024T"},
        {UINT64_MAX, "18446744073709551615B"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        char text[24];
        assert_string_equal(fmt_size(text, sizeof(text), sizes[i].bytes), sizes[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_small_buffers),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests_name("fmt", tests, NULL, NULL);
}
