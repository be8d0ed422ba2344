/* SPDX-License-Identifier: Apache-2.0 */
/* Keys on the log port: statistics, the kick test, input for a VM's console. */
#pragma once

#include <stdbool.h>

struct pcpu;
struct vm;

/* Route the log port's interrupt to CPU as an NMI. Boot core, once. */
void logkey_init(const struct pcpu *cpu);
/* Take one byte, if there is one and this is the port's core, and obey it. After an NMI; false:
 * the NMI was not the log port's. */
bool logkey_poll(void);
/* VM goes: what is typed is no longer for it. Any core. */
void logkey_forget(const struct vm *vm);
/* Call up one more NMI if a byte waits. After an NMI that had another cause. */
void logkey_again(void);
