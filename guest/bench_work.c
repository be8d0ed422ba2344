// SPDX-License-Identifier: Apache-2.0
// The fixed workload: the same work in each round, on one CPU; each round lies between two marks.
#include "bench.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MARK_ROUND = 0x100, MARK_ROUND_END = 0x101 };
enum { WORDS = 4096, CALLS = 50, PASSES = 10, PAGES = 8, PIECE = 4096 };

unsigned long work_rounds;

static void compute(void)
{
    static uint64_t words[WORDS];
    uint64_t state = 88172645463325252;

    for (size_t i = 0; i < WORDS; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        words[i] += state ^ words[state % WORDS];
    }
}

static void call_kernel(void)
{
    for (int i = 0; i < CALLS; i++)
        getppid();
}

static void pass_messages(const int ends[2])
{
    char message[64] = {0};

    for (int i = 0; i < PASSES; i++)
        if (write(ends[1], message, sizeof(message)) != sizeof(message) ||
            read(ends[0], message, sizeof(message)) != sizeof(message))
            fail("pipe");
}

static void touch_memory(void)
{
    size_t size = (size_t)PAGES * 4096;
    char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (area == MAP_FAILED) {
        fail("mmap");
        return;
    }
    for (size_t at = 0; at < size; at += 4096)
        area[at] = 1;
    munmap(area, size);
}

static void read_file(int file)
{
    char piece[PIECE];

    lseek(file, 0, SEEK_SET);
    for (int i = 0; i < PASSES && read(file, piece, sizeof(piece)) > 0; i++)
        ;
}

static void make_child(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    if (child < 0 || waitpid(child, NULL, 0) != child)
        fail("fork");
}

unsigned long load_work(unsigned long seconds)
{
    int ends[2], file = open("/init", O_RDONLY | O_CLOEXEC);

    (void)seconds;
    if (pipe(ends) != 0 || file < 0)
        fail("work");
    pin_to(1);
    for (unsigned long round = 0; round < work_rounds; round++) {
        mark(MARK_ROUND);
        compute();
        call_kernel();
        pass_messages(ends);
        touch_memory();
        read_file(file);
        make_child();
        mark(MARK_ROUND_END);
    }
    close(ends[0]);
    close(ends[1]);
    close(file);
    return work_rounds;
}
