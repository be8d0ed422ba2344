/* SPDX-License-Identifier: Apache-2.0 */
/* What a process sees of events that take more than one instruction: `events NAME NUMBER`. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define OUTSIDE 0x30000000 /* no memory of the VM's */
#define NOWHERE 0x12345000 /* mapped by nobody */
#define SECOND  1000000000ll

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: %s\n", __LINE__, #condition);                                         \
            exit(3);                                                                               \
        }                                                                                          \
    } while (0)

static void answer(long leaf)
{
    unsigned a, b, c, d;
    __cpuid_count((unsigned)leaf, 0, a, b, c, d);
    printf("%#x %#x %#x %#x\n", a, b, c, d);
}

/* The i386 number of getpid. */
static void interrupt(long count)
{
    for (; count > 0; count--) {
        int pid = 20;
        __asm__ volatile("int $0x80" : "+a"(pid) : : "memory", "r8", "r9", "r10", "r11");
        CHECK(pid == getpid());
    }
}

/* CR4.TSD on and off: two changes each. */
static void time_stamps(long count)
{
    for (; count > 0; count--) {
        CHECK(prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0);
        CHECK(prctl(PR_SET_TSC, PR_TSC_ENABLE) == 0);
    }
}

static void ticks(long unused)
{
    (void)unused;
    printf("%lld\n", (long long)__builtin_ia32_rdtsc());
}

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* Two cores, one clock: it goes on, on neither far ahead of the other, and never back. */
static void clocks(long seconds)
{
    _Atomic(long long) *last =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long long end = now() + seconds * SECOND;
    int status;
    atomic_store(last, now());
    for (int cpu = 0; cpu < 2; cpu++)
        if (fork() == 0) {
            cpu_set_t set;
            CPU_ZERO(&set);
            CPU_SET(cpu, &set);
            CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
            for (long long t = 0; t < end;) {
                long long before = atomic_load(last);
                t = now();
                CHECK(t >= before && t < before + 60 * SECOND);
                atomic_store(last, t);
            }
            exit(0);
        }
    while (wait(&status) > 0)
        CHECK(status == 0);
}

static char *outside(void)
{
    int memory = open("/dev/mem", O_RDWR | O_SYNC);
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, OUTSIDE);
    CHECK(memory >= 0 && page != MAP_FAILED);
    return page;
}

static int faults;

static void skip(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;
    (void)number;
    CHECK(info->si_addr == (void *)NOWHERE);
    interrupted->uc_mcontext.gregs[REG_RIP] += 1;
    faults++;
}

/* One instruction reads where the VM has no memory, and writes where the process has none. */
static void copy(long count)
{
    const struct sigaction action = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
    char *from = outside();
    sigaction(SIGSEGV, &action, NULL);
    for (long i = 0; i < count; i++) {
        char *source = from, *target = (char *)NOWHERE;
        __asm__ volatile("movsb" : "+S"(source), "+D"(target) : : "memory");
    }
    CHECK(faults == count);
}

/* A debugger's breakpoint on data outside of the VM's memory: one trap for each access. */
static void watch(long count)
{
    volatile char *at = outside();
    int status;
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        for (; count > 0; count--)
            (void)*at;
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    size_t registers = offsetof(struct user, u_debugreg);
    CHECK(ptrace(PTRACE_POKEUSER, child, registers, at) == 0);
    CHECK(ptrace(PTRACE_POKEUSER, child, registers + 7 * sizeof(long), 0x30001l) == 0);
    long traps = -1;
    do {
        traps++;
        CHECK(ptrace(PTRACE_CONT, child, NULL, NULL) == 0);
        CHECK(waitpid(child, &status, 0) == child);
    } while (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    CHECK(WIFEXITED(status));
    CHECK(traps == count);
}

static const struct {
    const char *name;
    void (*run)(long number);
} events[] = {{"cpuid", answer},  {"int80", interrupt}, {"tsd", time_stamps}, {"tsc", ticks},
              {"clocks", clocks}, {"copy", copy},       {"watch", watch}};

int main(int count, char **args)
{
    for (size_t i = 0; count == 3 && i < sizeof(events) / sizeof(events[0]); i++) {
        if (strcmp(args[1], events[i].name) != 0)
            continue;
        events[i].run(strtol(args[2], NULL, 0));
        printf("done\n");
        return 0;
    }
    return 2;
}
