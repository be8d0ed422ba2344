/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion check`: configuration files looked at off line, by the monitor's own parser. */
#pragma once

#include <stdint.h>

#include "core/config.h"

enum { STATUS_OK = 0, STATUS_ERRORS = 1, STATUS_USAGE = 2 };

/* The machine to place the VMs on; none if cpus is 0. */
struct check_machine {
    unsigned cpus;
    uint64_t memory; /* bytes */
};

/* Read the configuration at PATH ("-": standard input); prints its errors. Returns a STATUS_. */
int check_read(const char *path, struct config *config);

/* Check the file at PATH ("-": standard input); print what is found. Returns a STATUS_. */
int check_file(const char *path, const struct check_machine *machine);
