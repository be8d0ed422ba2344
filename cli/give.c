/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux takes a core or a block of memory off line when it is told so in sysfs; then the monitor is
 * asked to take it. Which core is which is known by the APIC id, and kept in /run/mullion, because
 * Linux tells the id of those only that are on line.
 */
#include "give.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "record.h"
#include "timer.h"

#define PATH_MAX_HERE 256
#define KEPT          "/run/mullion"
#define CPU_DIR       "/sys/devices/system/cpu"
#define MEMORY_DIR    "/sys/devices/system/memory"
#define LEAVE_SECONDS 10
#define POLL_MS       20
#define CPUS_MAX      256

__attribute__((format(printf, 2, 3))) static void path_of(char *path, const char *format, ...)
{
    const char *root = getenv("MULLION_SYSFS");
    va_list args;
    va_start(args, format);
    int length = snprintf(path, PATH_MAX_HERE / 2, "%s", root != NULL ? root : "");
    vsnprintf(path + length, (size_t)(PATH_MAX_HERE - length), format, args);
    va_end(args);
}

static bool file_read(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    text[strcspn(text, "\n")] = '\0';
    fclose(file);
    return true;
}

/* 0, or why not. */
static int file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return errno;
    errno = 0;
    bool done = fputs(text, file) >= 0 && fflush(file) == 0;
    int error = done ? 0 : errno;
    fclose(file);
    return error;
}

/* The APIC id of each Linux CPU that is on line; -1 for the others. */
static void read_apic_ids(long ids[CPUS_MAX])
{
    char path[PATH_MAX_HERE], line[256];
    long cpu = -1;
    for (unsigned i = 0; i < CPUS_MAX; i++)
        ids[i] = -1;
    path_of(path, "/proc/cpuinfo");
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "processor", 9) == 0 && value != NULL)
            cpu = strtol(value + 1, NULL, 10);
        if (strncmp(line, "apicid", 6) == 0 && value != NULL && cpu >= 0 && cpu < CPUS_MAX)
            ids[cpu] = strtol(value + 1, NULL, 10);
    }
    if (file != NULL)
        fclose(file);
}

static int set_cpu(unsigned cpu, bool on)
{
    char path[PATH_MAX_HERE];
    path_of(path, CPU_DIR "/cpu%u/online", cpu);
    int error = file_write(path, on ? "1" : "0");
    if (error != 0)
        fprintf(stderr, "mullion: Linux does not take cpu%u %s: %s\n", cpu,
                on ? "back" : "off line", strerror(error));
    return error;
}

/* Has the pool the core of this number yet? */
static bool in_pool(uint64_t core)
{
    struct records records;
    char id[24];
    if (records_ask(&records, "machine") != STATUS_OK)
        return false;
    snprintf(id, sizeof(id), "%lu", core);
    const struct record *cpu = records_find(&records, "cpu", "id", id);
    bool there = cpu != NULL && record_is(cpu, "owner", "pool");
    records_free(&records);
    return there;
}

/* Give the Linux CPU, which is the monitor's CORE. */
static int give_cpu(unsigned cpu, uint64_t core)
{
    struct answer answer;
    char path[PATH_MAX_HERE], text[24];
    if (set_cpu(cpu, false) != 0)
        return STATUS_ERRORS;
    int status = control_do(&answer, NULL, "give cpu %lu", core);
    uint64_t limit = timer_limit(LEAVE_SECONDS, LEAVE_SECONDS);
    while (status == STATUS_OK && !in_pool(core) && !timer_passed(limit))
        timer_sleep(POLL_MS);
    if (status == STATUS_OK && in_pool(core)) {
        path_of(path, KEPT);
        mkdir(path, 0755);
        path_of(path, KEPT "/cpu%u", cpu);
        snprintf(text, sizeof(text), "%lu\n", core);
        file_write(path, text);
        return STATUS_OK;
    }
    if (status == STATUS_OK)
        fprintf(stderr, "mullion: core %lu (cpu%u) does not let go within %u s\n", core, cpu,
                LEAVE_SECONDS);
    control_ask(&answer, NULL, "take cpu %lu", core);
    set_cpu(cpu, true);
    return status == STATUS_OK ? STATUS_TIME : status;
}

/* The highest CPU on line that is not the first, and the core that it is. False: there is none. */
static bool choose_cpu(const struct records *machine, unsigned *cpu, uint64_t *core)
{
    long ids[CPUS_MAX];
    read_apic_ids(ids);
    for (unsigned i = CPUS_MAX; i-- > 1;) {
        char id[24];
        snprintf(id, sizeof(id), "%ld", ids[i]);
        const struct record *record = records_find(machine, "cpu", "apic", id);
        if (ids[i] < 0 || record == NULL || record_is(record, "owner", "pool"))
            continue;
        *cpu = i;
        *core = record_number(record, "id");
        return true;
    }
    return false;
}

static uint64_t block_size(void)
{
    char path[PATH_MAX_HERE], text[64];
    path_of(path, MEMORY_DIR "/block_size_bytes");
    return file_read(path, text, sizeof(text)) ? strtoull(text, NULL, 16) : 0;
}

/* The numbers of the memory blocks in this state, the highest first; how many. */
static unsigned list_blocks(const char *state, unsigned *blocks, unsigned most)
{
    char path[PATH_MAX_HERE], text[64];
    unsigned count = 0, number;
    path_of(path, MEMORY_DIR);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (sscanf(entry->d_name, "memory%u", &number) != 1 || count == most)
            continue;
        path_of(path, MEMORY_DIR "/memory%u/state", number);
        if (!file_read(path, text, sizeof(text)) || strcmp(text, state) != 0)
            continue;
        unsigned at = count++;
        for (; at > 0 && blocks[at - 1] < number; at--)
            blocks[at] = blocks[at - 1];
        blocks[at] = number;
    }
    if (dir != NULL)
        closedir(dir);
    return count;
}

static int set_block(unsigned block, bool on)
{
    char path[PATH_MAX_HERE];
    path_of(path, MEMORY_DIR "/memory%u/state", block);
    return file_write(path, on ? "online" : "offline");
}

/* Give memory blocks until BYTES are given, or Linux releases no more. */
static int give_memory(uint64_t bytes)
{
    static unsigned blocks[65536];
    uint64_t size = block_size();
    unsigned refused = 0;
    int error = 0;
    struct answer answer;
    unsigned count = size > 0 ? list_blocks("online", blocks, 65536) : 0;
    for (unsigned i = 0; i < count && bytes > 0; i++) {
        int failed = set_block(blocks[i], false);
        if (failed != 0) {
            refused++;
            error = failed;
            continue;
        }
        if (control_do(&answer, NULL, "give memory 0x%lx 0x%lx", blocks[i] * size, size) !=
            STATUS_OK) {
            set_block(blocks[i], true);
            return STATUS_ERRORS;
        }
        bytes -= size < bytes ? size : bytes;
    }
    if (bytes == 0)
        return STATUS_OK;
    fprintf(stderr, "mullion: Linux released too little memory: %lu MiB are missing", bytes >> 20);
    if (refused > 0)
        fprintf(stderr, "; %u of %u blocks of %lu MiB stay on line: %s", refused, count, size >> 20,
                strerror(error));
    fprintf(stderr, "\n");
    return STATUS_ERRORS;
}

static unsigned count_pool(const struct records *machine)
{
    unsigned count = 0;
    const struct record *cpu = NULL;
    while ((cpu = records_next(machine, "cpu", cpu)) != NULL)
        count += record_is(cpu, "owner", "pool") ? 1u : 0u;
    return count;
}

int give_until(uint64_t cpus, uint64_t memory)
{
    struct records machine;
    unsigned cpu;
    uint64_t core;
    for (;;) {
        int status = records_ask(&machine, "machine");
        if (status != STATUS_OK)
            return status;
        bool enough = count_pool(&machine) >= cpus;
        bool found = !enough && choose_cpu(&machine, &cpu, &core);
        const struct record *pool = records_next(&machine, "pool", NULL);
        uint64_t largest = pool != NULL ? record_number(pool, "memory-free") : 0;
        records_free(&machine);
        if (enough)
            return largest >= memory ? STATUS_OK : give_memory(memory - largest);
        if (!found) {
            fprintf(stderr, "mullion: %lu cores are wanted, and no more can be given\n", cpus);
            return STATUS_ERRORS;
        }
        status = give_cpu(cpu, core);
        if (status != STATUS_OK)
            return status;
    }
}

static void take_cpus(void)
{
    char path[PATH_MAX_HERE], text[64];
    struct answer answer;
    for (unsigned cpu = 1; cpu < CPUS_MAX; cpu++) {
        path_of(path, KEPT "/cpu%u", cpu);
        if (!file_read(path, text, sizeof(text)) || !in_pool(strtoull(text, NULL, 10)))
            continue;
        if (control_do(&answer, NULL, "take cpu %s", text) == STATUS_OK && set_cpu(cpu, true) == 0)
            remove(path);
    }
}

int give_back(void)
{
    static unsigned blocks[65536];
    struct answer answer;
    uint64_t size = block_size();
    take_cpus();
    unsigned count = size > 0 ? list_blocks("offline", blocks, 65536) : 0;
    for (unsigned i = count; i-- > 0;) /* what another VM has is refused, and stays off line */
        if (control_ask(&answer, NULL, "take memory 0x%lx 0x%lx", blocks[i] * size, size) ==
                STATUS_OK &&
            set_block(blocks[i], true) != 0)
            fprintf(stderr, "mullion: Linux does not take memory%u back\n", blocks[i]);
    return STATUS_OK;
}
