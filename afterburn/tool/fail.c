/* SPDX-License-Identifier: Apache-2.0 */
/* How the command ends when it cannot do what it was asked to. */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("afterburn: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(STATUS_USAGE);
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL)
        fail("no memory for %zu bytes; the file is larger than this machine can hold",
             count * size);
    return memory;
}
