// SPDX-License-Identifier: Apache-2.0
// Role bench: loads one after the other, each between two marks that a counter outside sees.
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

enum { MARK_USER = 1, MARK_DONE = 2, MARK_LOADS = 16 }; // a load's first mark is even, its last odd
enum { SETTLE_SECONDS = 2 };                            // the console has to be silent again

// A NOP of seven bytes whose operand nobody uses. What counts outside finds it, and reads EAX.
void mark(unsigned id)
{
    __asm__ volatile(".byte 0x0f, 0x1f, 0x80\n\t.ascii \"MARK\"" : : "a"(id) : "memory");
}

static double clock_seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// The sum over all CPUs of the line of /proc/interrupts that begins with NAME.
static unsigned long interrupts(const char *name)
{
    static char text[16384];
    unsigned long sum = 0;
    char *line;

    file_read("/proc/interrupts", text, sizeof(text));
    line = strstr(text, name);
    if (!line)
        return 0;
    line += strlen(name);
    for (int cpu = 0; cpu < cpus_online(); cpu++)
        sum += strtoul(line, &line, 10);
    return sum;
}

unsigned long ipis(void)
{
    return interrupts("RES:") + interrupts("CAL:") + interrupts("TLB:");
}

static void run_load(unsigned number, const struct bench_load *load, unsigned long seconds)
{
    unsigned long ticks, sent, units;
    double start, passed;

    sleep(SETTLE_SECONDS);
    ticks = interrupts("LOC:");
    sent = ipis();
    start = clock_seconds();
    mark(MARK_LOADS + 2 * number);
    units = load->run(seconds);
    mark(MARK_LOADS + 2 * number + 1);
    passed = clock_seconds() - start;
    sent = ipis() - sent;
    ticks = interrupts("LOC:") - ticks;
    printf("MULLION-BENCH load=%s seconds=%.3f units=%lu ipis=%lu ticks=%lu\n", load->name, passed,
           units, sent, ticks);
}

static bool wanted(const struct params *params, const char *name)
{
    char list[PARAM_SIZE + 2], item[PARAM_SIZE];

    snprintf(list, sizeof(list), ",%s,", params->loads);
    snprintf(item, sizeof(item), ",%s,", name);
    return !params->loads[0] || strstr(list, item);
}

static void bench_end(void)
{
    sleep(SETTLE_SECONDS);
    mark(MARK_DONE);
    printf("MULLION-BENCH done\n");
    sleep(1);
    reboot(RB_POWER_OFF);
    fail("poweroff");
}

void role_bench(const struct params *params)
{
    work_rounds = params->rounds;
    mark(MARK_USER);
    for (unsigned i = 0; i < bench_load_count; i++)
        if (wanted(params, bench_loads[i].name))
            run_load(i, &bench_loads[i], params->seconds);
    bench_end();
}

void role_netbench(const struct params *params)
{
    if (!bench_net_ready(params))
        return;
    for (unsigned i = 0; i < bench_net_load_count; i++)
        if (wanted(params, bench_net_loads[i].name))
            run_load(bench_load_count + i, &bench_net_loads[i], params->seconds);
    bench_net_end();
    bench_end();
}
