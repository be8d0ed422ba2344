/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion check`: configuration files looked at off line, by the monitor's own parser. */
#pragma once

#include <stdint.h>

#include "core/config.h"
#include "status.h"

/* The machine to place the VMs on; none if cpus is 0. */
struct check_machine {
    unsigned cpus;
    uint64_t memory; /* bytes */
};

/* Read the configuration at PATH ("-": standard input); prints its errors. Returns a STATUS_. */
int check_read(const char *path, struct config *config);

/*
 * Parse LENGTH bytes of TEXT, read from PATH; prints its errors. What begins at line LIMIT is not
 * of that file: errors there are printed without a place. LIMIT 0: all is. Returns a STATUS_.
 */
int check_text(const char *path, const char *text, size_t length, unsigned limit,
               struct config *config);

/* A configuration file's text, at most 1 MiB, in one buffer for all calls; -1 after a message. */
long check_load(const char *path, const char **text);

/* Check the file at PATH ("-": standard input); print what is found. Returns a STATUS_. */
int check_file(const char *path, const struct check_machine *machine);
