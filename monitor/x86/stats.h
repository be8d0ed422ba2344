/* SPDX-License-Identifier: Apache-2.0 */
/* Exits by VM, core and reason, to the log. */
#pragma once

#include "x86/vm.h"

void stats_print_vm(struct vm *vm);
void stats_print_all(void);
