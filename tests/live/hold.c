/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold MIB FILE: has MIB MiB of memory that no kernel can move, as a page of each MiB is in a pipe.
 * Makes FILE when it is so, waits until that is gone, and then says whether the memory is whole.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define MIB   (1024u * 1024u)
#define WORDS (MIB / sizeof(uint64_t))

static uint64_t pattern(size_t index)
{
    return (index + 1) * 0x9e3779b97f4a7c15u;
}

static int hold(uint64_t *memory, size_t mib)
{
    int ends[2];
    if (pipe(ends) != 0 || fcntl(ends[1], F_SETPIPE_SZ, MIB) < 0)
        return -1;
    for (size_t i = 0; i < mib; i++) {
        struct iovec piece = {memory + i * WORDS, (size_t)sysconf(_SC_PAGESIZE)};
        if (vmsplice(ends[1], &piece, 1, SPLICE_F_NONBLOCK) != (ssize_t)piece.iov_len)
            return -1;
    }
    return 0;
}

int main(int count, char **words)
{
    size_t mib = count == 3 ? strtoul(words[1], NULL, 10) : 0;
    uint64_t *memory =
        mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mib == 0 || memory == MAP_FAILED)
        return 2;
    for (size_t i = 0; i < mib * WORDS; i++)
        memory[i] = pattern(i);
    if (hold(memory, mib) != 0 || creat(words[2], 0600) < 0) {
        perror("hold");
        return 2;
    }
    while (access(words[2], F_OK) == 0)
        sleep(1);
    for (size_t i = 0; i < mib * WORDS; i++)
        if (memory[i] != pattern(i)) {
            printf("word %zu is damaged\n", i);
            return 1;
        }
    printf("whole\n");
    return 0;
}
