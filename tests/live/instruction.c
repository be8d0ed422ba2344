/* SPDX-License-Identifier: Apache-2.0 */
/* Executes the instruction that is named, COUNT times: what a process sees of a VM's controls. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <ucontext.h>

static void rdtsc(void)
{
    __asm__ volatile("rdtsc" : : : "rax", "rdx");
}

static void skip(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;
    (void)number;
    (void)info;
    interrupted->uc_mcontext.gregs[REG_RIP] += 2;
}

static void undefined(void)
{
    const struct sigaction action = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, NULL);
    __asm__ volatile("ud2");
}

static void spin(void)
{
    __asm__ volatile("pause");
}

static void breakpoint(void)
{
    __asm__ volatile("int3");
}

/* Port 0x80, which nothing answers. */
static void port(void)
{
    if (iopl(3) != 0)
        exit(3);
    inb(0x80);
}

static const struct {
    const char *name;
    void (*run)(void);
} instructions[] = {
    {"rdtsc", rdtsc}, {"ud2", undefined}, {"pause", spin}, {"int3", breakpoint}, {"port", port}};

int main(int count, char **args)
{
    for (size_t i = 0; count == 3 && i < sizeof(instructions) / sizeof(instructions[0]); i++) {
        if (strcmp(args[1], instructions[i].name) != 0)
            continue;
        for (long n = atol(args[2]); n > 0; n--)
            instructions[i].run();
        printf("done\n");
        return 0;
    }
    return 2;
}
