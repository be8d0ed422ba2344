/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocks DEVICE: until SIGTERM, reads a block chosen at random, compares it with what was last
 * written there and writes its next generation, all past the page cache; then reads every block.
 * Standard output is a file of one line that is always up to date.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SIZE  4096
#define WORDS (SIZE / sizeof(uint64_t) - 3)

struct block {
    uint64_t number, generation, words[WORDS], checksum;
};
_Static_assert(sizeof(struct block) == SIZE, "a block");

static struct {
    unsigned long writes, torn, misplaced, lost, late, longest_ms;
} seen;
static volatile sig_atomic_t stop;

static void stop_soon(int signal)
{
    (void)signal;
    stop = 1;
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static uint64_t checksum(const struct block *block)
{
    uint64_t sum = (block->number + 1) * 0x9e3779b97f4a7c15 ^ block->generation;

    for (size_t i = 0; i < WORDS; i++)
        sum = (sum << 1 | sum >> 63) ^ block->words[i];
    return sum;
}

static void say(const char *state)
{
    char line[160];
    int length = snprintf(
        line, sizeof(line),
        "%-7s writes %9lu torn %6lu misplaced %6lu lost %6lu late %6lu longest-ms %9lu\n", state,
        seen.writes, seen.torn, seen.misplaced, seen.lost, seen.late, seen.longest_ms);

    if (pwrite(STDOUT_FILENO, line, (size_t)length, 0) != length)
        exit(1);
}

static void fatal(const char *what)
{
    perror(what);
    say("failed");
    exit(1);
}

/* Whether the block is what was last written there; of generation 0 it is whatever was there
 * before. */
static void verify(int device, struct block *block, uint64_t number, uint64_t generation)
{
    if (pread(device, block, SIZE, (off_t)(number * SIZE)) != SIZE)
        fatal("read");
    if (generation == 0)
        return;
    if (block->checksum != checksum(block))
        seen.torn++;
    else if (block->number != number)
        seen.misplaced++;
    else if (block->generation != generation)
        seen.lost++;
}

static void write_next(int device, struct block *block, uint64_t number, uint64_t generation)
{
    uint64_t state = (number << 32 | generation) + 1;

    block->number = number;
    block->generation = generation;
    for (size_t i = 0; i < WORDS; i++)
        block->words[i] = next(&state);
    block->checksum = checksum(block);
    if (pwrite(device, block, SIZE, (off_t)(number * SIZE)) != SIZE)
        fatal("write");
    seen.writes++;
}

static unsigned long now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (unsigned long)time.tv_sec * 1000 + (unsigned long)time.tv_nsec / 1000000;
}

static void work(int device, struct block *block, uint64_t *generations, uint64_t count)
{
    uint64_t chance = 1;

    while (!stop) {
        uint64_t number = next(&chance) % count;
        unsigned long start = now_ms();

        verify(device, block, number, generations[number]);
        write_next(device, block, number, ++generations[number]);
        start = now_ms() - start;
        seen.late += start > 1000;
        if (start > seen.longest_ms)
            seen.longest_ms = start;
        say("runs");
    }
    for (uint64_t number = 0; number < count; number++)
        verify(device, block, number, generations[number]);
    say("done");
}

int main(int argc, char **argv)
{
    int device = argc == 2 ? open(argv[1], O_RDWR | O_DIRECT) : -1;
    struct block *block = aligned_alloc(SIZE, SIZE);
    uint64_t bytes, *generations;

    signal(SIGTERM, stop_soon);
    if (device < 0 || !block || ioctl(device, BLKGETSIZE64, &bytes) != 0)
        fatal("device");
    generations = calloc(bytes / SIZE, sizeof(*generations));
    if (!generations)
        fatal("memory");
    work(device, block, generations, bytes / SIZE);
    return seen.torn || seen.misplaced || seen.lost;
}
