// SPDX-License-Identifier: Apache-2.0
// Small files (procfs, sysfs) read and written whole; the init's one error message.
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Reads up to size - 1 bytes and ends them with a zero; returns the length, 0 on error.
size_t file_read(const char *path, char *text, size_t size)
{
    size_t length = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file >= 0) {
        ssize_t got = read(file, text, size - 1);
        length = got > 0 ? (size_t)got : 0;
        close(file);
    }
    text[length] = '\0';
    return length;
}

bool file_write(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    bool done = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);

    if (file >= 0)
        close(file);
    return done;
}

// Says what failed and goes on: an init that ends takes the kernel with it.
void fail(const char *what)
{
    printf("MULLION-FAIL %s: %s\n", what, strerror(errno));
}
