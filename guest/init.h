// SPDX-License-Identifier: Apache-2.0
// The test guests' init: what its files share.
#ifndef GUEST_INIT_H
#define GUEST_INIT_H

#include <stdbool.h>
#include <stddef.h>

enum { PARAM_SIZE = 64 };

struct params {
    char name[PARAM_SIZE];
    char nonce[PARAM_SIZE];
    char role[PARAM_SIZE];
    char loads[PARAM_SIZE]; // of role bench, with commas between; empty: all
    char peer[PARAM_SIZE]; // role netbench: the address of the VM with role netserve; control: a VM
    unsigned long delay_ms; // before reboot or poweroff, or each command of role control
    unsigned long count;    // rounds of taking a CPU off line
    unsigned long mb;       // MiB that role memsum fills
    unsigned long seconds;  // of each load of role bench
    unsigned long rounds;   // of its fixed workload
};

// report.c: the parameters from /proc/cmdline, and the one line about this kernel.
void params_read(struct params *params);
void report_print(const struct params *params);
int cpus_online(void);

// roles.c: what the VM does afterwards. Returns only when a shell shall follow.
void role_run(const struct params *params);
void pin_to(size_t cpu);

// bench.c: loads to be counted from outside; ends with power off.
void role_bench(const struct params *params);
void role_netbench(const struct params *params);

// bench_net.c: the other end of role netbench's loads.
void role_netserve(const struct params *params);

// control.c: the command `mullion` at work in the service VM.
void role_control(const struct params *params);

// afterburn.c: the fixed workload of prepared kernels; ends the machine.
void role_afterburn(const struct params *params);

// text.c: small files read and written whole.
size_t file_read(const char *path, char *text, size_t size);
bool file_write(const char *path, const char *text);
void fail(const char *what);

#endif
