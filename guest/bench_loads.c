// SPDX-License-Identifier: Apache-2.0
// Loads that run for some seconds of the guest's own clock, and one that executes CPUID.
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 2, WAKES = 100, CPUIDS = 10000 };

static atomic_bool ended;

struct worker {
    size_t cpu;
    pthread_t thread;
    unsigned long units;
    int from, to; // pipes of a player
};

static void *spin(void *argument)
{
    struct worker *worker = argument;

    pin_to(worker->cpu);
    while (!atomic_load_explicit(&ended, memory_order_relaxed))
        worker->units++;
    return NULL;
}

static void *wake_often(void *argument)
{
    struct worker *worker = argument;

    pin_to(worker->cpu);
    for (; !atomic_load(&ended); worker->units++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000000 / WAKES}, NULL);
    return NULL;
}

// Waits for the byte, sends it on. The one who sees the end sends it on, too, so that both stop.
static void *play(void *argument)
{
    struct worker *worker = argument;
    char ball;
    bool last = false;

    pin_to(worker->cpu);
    while (!last && read(worker->from, &ball, 1) == 1) {
        last = atomic_load(&ended);
        if (write(worker->to, &ball, 1) != 1)
            break;
        worker->units++;
    }
    return NULL;
}

static unsigned long run_workers(struct worker *workers, void *(*work)(void *),
                                 unsigned long seconds)
{
    unsigned long units = 0;

    atomic_store(&ended, false);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].cpu = i;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            fail("pthread_create");
    }
    sleep((unsigned)seconds);
    atomic_store(&ended, true);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        units += workers[i].units;
    }
    return units;
}

static unsigned long load_busy(unsigned long seconds)
{
    return run_workers((struct worker[THREADS]){0}, spin, seconds);
}

static unsigned long load_sleep(unsigned long seconds)
{
    return run_workers((struct worker[THREADS]){0}, wake_often, seconds);
}

static unsigned long load_idle(unsigned long seconds)
{
    sleep((unsigned)seconds);
    return 0;
}

// A unit is a message from one CPU to the other.
static unsigned long load_pingpong(unsigned long seconds)
{
    int there[2], back[2];
    unsigned long units;

    if (pipe(there) != 0 || pipe(back) != 0 || write(back[1], "o", 1) != 1) {
        fail("pipe");
        return 0;
    }
    units = run_workers((struct worker[THREADS]){{.from = back[0], .to = there[1]},
                                                 {.from = there[0], .to = back[1]}},
                        play, seconds);
    for (int i = 0; i < 2; i++) {
        close(there[i]);
        close(back[i]);
    }
    return units;
}

static unsigned long load_exec(unsigned long seconds)
{
    time_t end = time(NULL) + (time_t)seconds;
    unsigned long units;

    for (units = 0; time(NULL) < end; units++) {
        pid_t child = fork();
        if (child == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        if (child < 0 || waitpid(child, NULL, 0) != child)
            fail("fork");
    }
    return units;
}

static unsigned long load_cpuid(unsigned long seconds)
{
    (void)seconds;
    for (int i = 0; i < CPUIDS; i++) {
        unsigned leaf = 0, subleaf = 0;
        __asm__ volatile("cpuid" : "+a"(leaf), "+c"(subleaf) : : "ebx", "edx");
    }
    return CPUIDS;
}

const struct bench_load bench_loads[] = {
    {"busy", load_busy}, {"sleep", load_sleep}, {"idle", load_idle}, {"pingpong", load_pingpong},
    {"exec", load_exec}, {"cpuid", load_cpuid}, {"work", load_work},
};
const unsigned bench_load_count = sizeof(bench_loads) / sizeof(bench_loads[0]);
