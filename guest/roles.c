// SPDX-License-Identifier: Apache-2.0
// What a test guest does after its report. No role executes a program or prints in its steady
// state: starting one runs CPUID, and a byte on the console is an exit.
#include "init.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(unsigned long ms)
{
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

static void role_sleep(const struct params *params)
{
    (void)params;
    for (;;)
        sleep_ms(10);
}

static void role_busy(const struct params *params)
{
    (void)params;
    for (volatile uint64_t turns = 0;; turns++)
        ;
}

static void role_reboot(const struct params *params)
{
    sleep_ms(params->delay_ms);
    sync();
    if (reboot(RB_AUTOBOOT) != 0)
        fail("reboot");
}

static void role_poweroff(const struct params *params)
{
    sleep_ms(params->delay_ms);
    sync();
    if (reboot(RB_POWER_OFF) != 0)
        fail("poweroff");
}

static void role_panic(const struct params *params)
{
    sleep_ms(params->delay_ms);
    if (!file_write("/proc/sysrq-trigger", "c"))
        fail("/proc/sysrq-trigger");
}

void pin_to(size_t cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        fail("sched_setaffinity");
}

// One player: waits for the byte on its pipe, sends it on. Each turn wakes the other CPU: an IPI.
struct player {
    size_t cpu;
    int from, to;
};

static void *player_run(void *argument)
{
    const struct player *player = argument;
    char ball;

    pin_to(player->cpu);
    while (read(player->from, &ball, 1) == 1 && write(player->to, &ball, 1) == 1)
        ;
    return NULL;
}

static void role_pingpong(const struct params *params)
{
    static struct player players[2];
    int there[2], back[2];
    pthread_t thread;

    (void)params;
    if (cpus_online() < 2 || pipe(there) != 0 || pipe(back) != 0) {
        printf("MULLION-FAIL pingpong: needs two CPUs\n");
        return;
    }
    players[0] = (struct player){.cpu = 0, .from = back[0], .to = there[1]};
    players[1] = (struct player){.cpu = 1, .from = there[0], .to = back[1]};
    if (write(back[1], "o", 1) != 1 ||
        pthread_create(&thread, NULL, player_run, &players[1]) != 0) {
        fail("pingpong");
        return;
    }
    player_run(&players[0]);
}

static void role_offline(const struct params *params)
{
    char path[64];
    int last = (int)sysconf(_SC_NPROCESSORS_CONF) - 1;

    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", last);
    for (unsigned long round = 1; round <= params->count; round++) {
        if (!file_write(path, "0") || cpus_online() != last) {
            fail("cpu offline");
            return;
        }
        printf("MULLION-CPU offline ok %lu/%lu\n", round, params->count);
        if (!file_write(path, "1") || cpus_online() != last + 1) {
            fail("cpu online");
            return;
        }
        printf("MULLION-CPU online ok %lu/%lu\n", round, params->count);
    }
}

// xorshift64: any pattern will do that another VM does not write by chance.
static uint64_t pattern_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t pattern_seed(const char *nonce)
{
    uint64_t seed = 0xcbf29ce484222325; // FNV-1a, so that the seed depends on every character

    for (; *nonce; nonce++)
        seed = (seed ^ (unsigned char)*nonce) * 0x100000001b3;
    return seed ? seed : 1;
}

static uint64_t checksum(const uint64_t *words, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum = (sum << 1 | sum >> 63) ^ words[i];
    return sum;
}

static void memsum(const struct params *params)
{
    size_t count = params->mb * (1u << 20) / sizeof(uint64_t);
    uint64_t *words = malloc(count * sizeof(*words));
    uint64_t state = pattern_seed(params->nonce), expected;

    if (!words) {
        fail("memsum");
        return;
    }
    for (size_t i = 0; i < count; i++)
        words[i] = pattern_next(&state);
    expected = checksum(words, count);
    for (unsigned long round = 1;; round++) {
        if (checksum(words, count) != expected)
            printf("MULLION-SUM BAD %lu\n", round);
        else if (round % 2 == 0)
            printf("MULLION-SUM ok %lu\n", round);
        sleep_ms(1000);
    }
}

// A child sums up its memory for ever; the shell beside it still answers.
static void role_memsum(const struct params *params)
{
    if (fork() == 0) {
        memsum(params);
        _exit(1);
    }
}

void role_run(const struct params *params)
{
    static const struct {
        const char *name;
        void (*run)(const struct params *params);
    } roles[] = {
        {"sleep", role_sleep},         {"busy", role_busy},         {"pingpong", role_pingpong},
        {"reboot", role_reboot},       {"poweroff", role_poweroff}, {"panic", role_panic},
        {"offline", role_offline},     {"memsum", role_memsum},     {"bench", role_bench},
        {"netbench", role_netbench},   {"netserve", role_netserve}, {"control", role_control},
        {"afterburn", role_afterburn},
    };

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(params->role, roles[i].name) == 0)
            roles[i].run(params);
}
