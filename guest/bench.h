// SPDX-License-Identifier: Apache-2.0
// The loads of role bench.
#ifndef GUEST_BENCH_H
#define GUEST_BENCH_H

#include "init.h"

struct bench_load {
    const char *name;
    unsigned long (*run)(unsigned long seconds); // returns the units of work done
};

extern const struct bench_load bench_loads[];
extern const unsigned bench_load_count;

extern const struct bench_load bench_net_loads[]; // between two VMs: role netbench
extern const unsigned bench_net_load_count;

// True when the VM that serves, by mullion.peer, has answered.
bool bench_net_ready(const struct params *params);
void bench_net_end(void); // it switches itself off

void mark(unsigned id);
unsigned long ipis(void); // received by all CPUs so far
unsigned long load_work(unsigned long seconds);
extern unsigned long work_rounds;

#endif
