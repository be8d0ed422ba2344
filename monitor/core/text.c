/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows in a buffer. */
#include "core/text.h"

#include "lib/fmt.h"
#include "lib/string.h"

#define PIECE_MAX 400u

void text_bytes(struct text *text, const char *bytes, size_t length)
{
    if (length > text->size - text->length) {
        text->overflow = true;
        return;
    }
    memcpy(text->buffer + text->length, bytes, length);
    text->length += length;
}

void text_print(struct text *text, const char *format, ...)
{
    char piece[PIECE_MAX];
    va_list args;
    va_start(args, format);
    size_t length = fmt_text_va(piece, sizeof(piece), format, args);
    va_end(args);
    text->overflow = text->overflow || length == sizeof(piece) - 1;
    text_bytes(text, piece, length);
}

void text_quote(struct text *text, const char *value)
{
    text_bytes(text, "\"", 1);
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            text_bytes(text, "\\", 1);
        text_bytes(text, value, 1);
    }
    text_bytes(text, "\"", 1);
}

void text_cpus(struct text *text, const struct cpu_set *set, bool whole)
{
    const char *separator = "";
    for (cpu_id_t first = 0, last; first < MAX_CPUS; first = last + 1) {
        last = first;
        if (!cpu_set_has(set, first))
            continue;
        while (cpu_set_has(set, last + 1))
            last++;
        text_print(text, last > first || whole ? "%s%u-%u" : "%s%u", separator, first, last);
        separator = ",";
    }
}
