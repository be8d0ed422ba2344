/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cores and memory of this Linux, through /sys/devices/system/cpu and memory (in the kernel's
 * documentation: core-api/cpu_hotplug and admin-guide/mm/memory-hotplug).
 */
#include "linux.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"
#include "tree.h"

#define CPUINFO_MAX (2u * 1024 * 1024)
#define BLOCKS_MAX  65536u
#define STEP_MAX    10 /* seconds: Linux would try for ever to move the pages of a block */

#define CPUS   "/sys/devices/system/cpu"
#define MEMORY "/sys/devices/system/memory"

static volatile sig_atomic_t signalled;

static void note_signal(int number)
{
    if (number != SIGALRM)
        signalled = number;
}

void linux_catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
    struct sigaction action = {.sa_handler = note_signal}; /* a system call is not begun again */
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
        sigaction(numbers[i], &action, NULL);
}

bool linux_interrupted(void)
{
    return signalled != 0;
}

unsigned linux_find_cpu(uint32_t apic)
{
    static char cpuinfo[CPUINFO_MAX];
    char value[32];
    uint64_t number, id;
    tree_read("/proc/cpuinfo", cpuinfo, sizeof(cpuinfo));
    for (char *cpu = cpuinfo, *next; cpu != NULL; cpu = next) {
        next = strstr(cpu, "\n\n");
        if (next != NULL) {
            next[1] = '\0';
            next += 2;
        }
        if (text_field(cpu, "apicid", value, sizeof(value)) && text_number(value, &id) &&
            id == apic && text_field(cpu, "processor", value, sizeof(value)) &&
            text_number(value, &number) && number < LINUX_NO_CPU)
            return (unsigned)number;
    }
    return LINUX_NO_CPU;
}

/* Write one of the files that take a while; false with the reason. */
static bool set(const char *path, const char *value, char *reason)
{
    alarm(STEP_MAX);
    bool done = tree_write(path, value);
    int error = errno;
    alarm(0);
    if (!done && error == EINTR)
        snprintf(reason, LINUX_REASON_MAX, "%s",
                 linux_interrupted() ? "interrupted" : "not done within 10 s");
    else if (!done)
        snprintf(reason, LINUX_REASON_MAX, "%s", strerror(error));
    return done;
}

bool linux_set_cpu(unsigned cpu, bool online, char reason[LINUX_REASON_MAX])
{
    char path[128];
    snprintf(path, sizeof(path), CPUS "/cpu%u/online", cpu);
    if (!tree_exists(path)) {
        snprintf(reason, LINUX_REASON_MAX, "Linux cannot do without it");
        return false;
    }
    return set(path, online ? "1" : "0", reason);
}

uint64_t linux_block_size(void)
{
    char text[64];
    const char *at = text;
    uint64_t size;
    tree_read(MEMORY "/block_size_bytes", text, sizeof(text));
    return text_hex(&at, &size) && size % LARGE_PAGE == 0 ? size : 0;
}

static struct {
    uint32_t list[BLOCKS_MAX];
    unsigned count;
    bool online; /* which ones are looked for */
} blocks;

static bool is_online(uint32_t block)
{
    char path[128], state[64];
    snprintf(path, sizeof(path), MEMORY "/memory%u/state", block);
    tree_read(path, state, sizeof(state));
    return strncmp(state, "online", 6) == 0;
}

static bool add_block(const char *name, void *context)
{
    uint64_t number;
    (void)context;
    if (strncmp(name, "memory", 6) == 0 && text_number(name + 6, &number) && number < UINT32_MAX &&
        is_online((uint32_t)number) == blocks.online)
        blocks.list[blocks.count++] = (uint32_t)number;
    return blocks.count == BLOCKS_MAX;
}

static int compare(const void *a, const void *b)
{
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    return first < second ? 1 : first > second ? -1 : 0;
}

unsigned linux_find_blocks(bool online, const uint32_t **list)
{
    blocks.count = 0;
    blocks.online = online;
    tree_each(MEMORY, add_block, NULL);
    qsort(blocks.list, blocks.count, sizeof(blocks.list[0]), compare);
    *list = blocks.list;
    return blocks.count;
}

bool linux_set_block(uint32_t block, bool online, char reason[LINUX_REASON_MAX])
{
    char path[128], removable[16], zones[64];
    snprintf(path, sizeof(path), MEMORY "/memory%u/removable", block);
    if (!online && tree_read(path, removable, sizeof(removable)) > 0 && removable[0] == '0') {
        snprintf(reason, LINUX_REASON_MAX, "Linux says that it is not removable");
        return false;
    }
    snprintf(path, sizeof(path), MEMORY "/memory%u/valid_zones", block);
    tree_read(path, zones, sizeof(zones));
    text_clean(zones);
    snprintf(path, sizeof(path), MEMORY "/memory%u/state", block);
    if (set(path, online ? "online" : "offline", reason))
        return true;
    size_t length = strlen(reason);
    if (!online && zones[0] != '\0')
        snprintf(reason + length, LINUX_REASON_MAX - length, " (zone %s)", zones);
    return false;
}
