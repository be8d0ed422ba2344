// SPDX-License-Identifier: Apache-2.0
// Role afterburn: the fixed workload of prepared kernels on every ground. It says what passed, and
// ends the machine.
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MARK_USER = 1, MARK_DONE = 2 };
enum { FORKS = 200, DATA_SIZE = 4 << 20, ROUNDS = 200, MOST_CPUS = 64, SUM_SIZE = 32 };

#define SOURCE   "/tmp/source"
#define COPY     "/tmp/copy"
// Of the DATA_SIZE bytes that data_write makes.
#define DATA_SUM "bb094d57db9c8d64fedd85297baa522f"

static unsigned failures;

static void result(bool passed, const char *what, unsigned long count)
{
    printf("AFTERBURN result %s %lu %s\n", what, count, passed ? "ok" : "FAILED");
    if (!passed)
        failures++;
}

static void run_forks(void)
{
    unsigned long right = 0;

    for (int i = 0; i < FORKS; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(i & 0x7f);
        if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
            WEXITSTATUS(status) == (i & 0x7f))
            right++;
    }
    result(right == FORKS, "forks", right);
}

// Runs a program of busybox; what it says is in TEXT. True if it ended with status 0.
static bool run_program(char *text, size_t size, char *const arguments[])
{
    int ends[2], status = -1;
    size_t length = 0;
    ssize_t got;
    pid_t child;

    if (pipe(ends) != 0 || (child = fork()) < 0)
        return false;
    if (child == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        execv("/bin/busybox", arguments);
        _exit(127);
    }
    close(ends[1]);
    while (length < size - 1 && (got = read(ends[0], text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(ends[0]);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool data_write(void)
{
    static uint64_t words[512];
    uint64_t state = 88172645463325252;
    int file = open(SOURCE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    bool done = file >= 0;

    for (size_t size = 0; done && size < DATA_SIZE; size += sizeof(words)) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            words[i] = state;
        }
        done = write(file, words, sizeof(words)) == sizeof(words);
    }
    if (file >= 0)
        close(file);
    return done;
}

static void copy_and_sum(void)
{
    char text[256];
    char *const dd[] = {"dd", "if=" SOURCE, "of=" COPY, "bs=4k", NULL};
    char *const md5sum[] = {"md5sum", COPY, NULL};

    result(data_write() && run_program(text, sizeof(text), dd), "dd-bytes", DATA_SIZE);
    bool right = run_program(text, sizeof(text), md5sum) && strncmp(text, DATA_SUM, SUM_SIZE) == 0;
    printf("AFTERBURN md5sum %.*s\n", SUM_SIZE, text);
    result(right, "md5sum", 1);
}

static bool module_load(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool done = file >= 0 && syscall(SYS_finit_module, file, "", 0) == 0;

    if (!done)
        printf("AFTERBURN FAIL %s: %s\n", path, strerror(errno));
    if (file >= 0)
        close(file);
    return done;
}

static void load_modules(void)
{
    unsigned long loaded = 0;
    glob_t found;

    if (glob("/modules/*.ko", 0, NULL, &found) != 0)
        return; // this kernel's initramfs has none
    for (size_t i = 0; i < found.gl_pathc; i++)
        loaded += module_load(found.gl_pathv[i]);
    result(loaded == found.gl_pathc, "modules", loaded);
    globfree(&found);
}

static atomic_bool ended;
static atomic_uint ready;

// Keeps one CPU in this address space, so that a change of a mapping has to reach it.
static void *stay(void *cpu)
{
    pin_to((size_t)(uintptr_t)cpu);
    atomic_fetch_add(&ready, 1);
    while (!atomic_load_explicit(&ended, memory_order_relaxed))
        __builtin_ia32_pause();
    return NULL;
}

static bool mapping_change(void)
{
    size_t size = (size_t)4 * 4096;
    char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (area == MAP_FAILED)
        return false;
    for (size_t at = 0; at < size; at += 4096)
        area[at] = 1;
    return mprotect(area, size, PROT_READ) == 0 && munmap(area, size) == 0;
}

// Each round tells all other CPUs twice that pages are read-only, then gone.
static void send_ipis(void)
{
    pthread_t threads[MOST_CPUS];
    unsigned cpus = (unsigned)cpus_online(), others = 0;
    unsigned long before, changed = 0;

    if (cpus < 2)
        return;
    pin_to(0);
    for (unsigned cpu = 1; cpu < cpus && cpu < MOST_CPUS; cpu++)
        if (pthread_create(&threads[others], NULL, stay, (void *)(uintptr_t)cpu) == 0)
            others++;
    while (atomic_load(&ready) < others)
        sched_yield();
    before = ipis();
    for (int round = 0; round < ROUNDS; round++)
        changed += mapping_change();
    atomic_store(&ended, true);
    for (unsigned i = 0; i < others; i++)
        pthread_join(threads[i], NULL);
    result(changed == ROUNDS && others == cpus - 1, "mappings", changed);
    before = ipis() - before;
    result(before >= ROUNDS, "ipis",
           before); // a hypervisor may make those to sleeping CPUs needless
}

static void end_machine(void)
{
    bool power =
        access("/sys/firmware/acpi", F_OK) == 0 || access("/sys/hypervisor/type", F_OK) == 0;

    sync();
    reboot(power ? RB_POWER_OFF : RB_AUTOBOOT);
    fail("the machine's end");
}

void role_afterburn(const struct params *params)
{
    mark(MARK_USER);
    printf("AFTERBURN boot %s cpus %d\n", params->nonce, cpus_online());
    run_forks();
    copy_and_sum();
    load_modules();
    send_ipis();
    mark(MARK_DONE);
    if (failures)
        printf("AFTERBURN failed %u\n", failures);
    else
        printf("AFTERBURN done\n");
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL); // the console's last bytes
    end_machine();
}
