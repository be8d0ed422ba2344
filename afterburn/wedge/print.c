/* SPDX-License-Identifier: Apache-2.0 */
/* The wedge's own lines, and errors as text; where they go is the mapping's affair. */
#include "boot.h"
#include "lib/fmt.h"

void (*wedge_sink)(const char *text, size_t length) = NULL;

void wedge_print(const char *format, ...)
{
    static char line[1024];
    static size_t length;
    va_list args;
    va_start(args, format);
    length += fmt_text_va(line + length, sizeof(line) - length, format, args);
    va_end(args);
    if (length == 0 || line[length - 1] != '\n')
        return;
    wedge_sink(line, length);
    length = 0;
}

const char *wedge_error(const char *format, ...)
{
    static char error[256];
    va_list args;
    va_start(args, format);
    fmt_text_va(error, sizeof(error), format, args);
    va_end(args);
    return error;
}
