/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, one table: name, arguments, help. Usage, help and options are taken from it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

struct options {
    bool json, follow, once, config, watch, summary, save;
    const char *root, *image, *as, *event, *like, *profile, *file, *saved;
    uint64_t cpus, memory, nodes; /* of a machine to place VMs on; 0 if not given */
    uint64_t timeout, seconds;    /* 0 if not given */
};

struct command {
    const char *name;
    const char *arguments; /* as the usage shows them; an option that is not in here is refused */
    const char *help;      /* lines of at most 84 columns */
    int (*run)(char **args, const struct options *options); /* ARGS ends in NULL */
    unsigned least, most;                                   /* how many ARGS there may be */
};

/* All of them, up to one without a name. */
extern const struct command commands[];

/* Sort ARGS into OPTIONS and what is left, which goes to its begin. Returns a STATUS_. */
int options_read(const struct command *command, char **args, struct options *options);

/* Print WHAT and VALUE, and the usage of COMMAND, or of all for NULL. Returns STATUS_USAGE. */
int usage_fail(const struct command *command, const char *what, const char *value);
