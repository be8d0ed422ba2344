/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, ranges and sizes as people write them. */
#include "core/config_units.h"

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    unsigned letter = ((unsigned char)c | 0x20u) - 'a'; /* small or capital */
    return letter < 6 ? letter + 10 : UINT32_MAX;
}

static bool parse_digits(const char *text, size_t length, unsigned base, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned digit = digit_value(text[i]);
        if (digit >= base)
            return false;
        sum = sum > (UINT64_MAX - digit) / base ? UINT64_MAX : sum * base + digit;
    }
    *value = sum;
    return length > 0;
}

bool config_units_number(const char *text, size_t length, uint64_t *value)
{
    if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return parse_digits(text + 2, length - 2, 16, value);
    return parse_digits(text, length, 10, value);
}

bool config_units_range(const char *text, size_t length, uint64_t *first, uint64_t *last)
{
    size_t dash = 0;
    while (dash < length && text[dash] != '-')
        dash++;
    if (!config_units_number(text, dash, first))
        return false;
    *last = *first;
    return dash == length || config_units_number(text + dash + 1, length - dash - 1, last);
}

bool config_units_size(const char *text, size_t length, uint64_t *bytes)
{
    static const char units[] = {'K', 'M', 'G', 'T'};
    uint64_t number;
    if (length < 2 || !parse_digits(text, length - 1, 10, &number))
        return false;
    uint64_t unit = 1;
    for (size_t i = 0; i < sizeof(units); i++) {
        unit *= 1024;
        if (text[length - 1] == units[i] || text[length - 1] == units[i] + ('a' - 'A')) {
            *bytes = number > UINT64_MAX / unit ? UINT64_MAX : number * unit;
            return true;
        }
    }
    return false;
}
