/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the small texts of /proc and /sys. */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 65536u /* more cores or nodes has no Linux */

void text_clean(char *text)
{
    text[strcspn(text, "\n")] = '\0';
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

/* What follows KEY, blanks, and a colon or `=` at LINE; NULL if that is not there. */
static const char *value_of(const char *line, const char *key)
{
    size_t length = strlen(key);
    if (strncmp(line, key, length) != 0)
        return NULL;
    line += length;
    line += strspn(line, " \t");
    if (*line != ':' && *line != '=')
        return NULL;
    line++;
    return line + strspn(line, " \t");
}

bool text_field(const char *text, const char *key, char *value, size_t size)
{
    const char *found = NULL;
    for (const char *line = text; line != NULL && found == NULL;) {
        found = value_of(line, key);
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    value[0] = '\0';
    if (found == NULL)
        return false;
    size_t length = strcspn(found, "\n");
    length = length < size ? length : size - 1;
    memcpy(value, found, length);
    value[length] = '\0';
    text_clean(value);
    return true;
}

bool text_has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        bool begins = at == text || isspace((unsigned char)at[-1]);
        bool ends = at[length] == '\0' || isspace((unsigned char)at[length]);
        if (begins && ends)
            return true;
    }
    return false;
}

static bool read_number(const char **text, int base, uint64_t *value)
{
    const char *start = *text + strspn(*text, " \t");
    if (!isxdigit((unsigned char)*start))
        return false;
    char *end;
    errno = 0;
    *value = strtoull(start, &end, base);
    *text = end;
    return end != start && errno == 0;
}

bool text_number(const char *text, uint64_t *value)
{
    text += strspn(text, " \t");
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    return read_number(&text, hex ? 16 : 10, value);
}

bool text_hex(const char **text, uint64_t *value)
{
    return read_number(text, 16, value);
}

unsigned text_count_list(const char *text, struct cpu_set *set)
{
    unsigned count = 0;
    for (uint64_t first, last; read_number(&text, 10, &first); text++) {
        last = first;
        if (*text == '-') {
            text++;
            if (!read_number(&text, 10, &last))
                break;
        }
        if (last < first || last >= LIST_MAX)
            break;
        for (uint64_t i = first; i <= last; i++) {
            if (set != NULL && i < MAX_CPUS)
                cpu_set_add(set, (cpu_id_t)i);
            count += count < LIST_MAX ? 1 : 0;
        }
        if (*text != ',')
            break;
    }
    return count;
}
