/* SPDX-License-Identifier: Apache-2.0 */
/* The rings of the monitor: its log, and what each VM has written on its console. */
#pragma once

#include <stdint.h>

#include "command.h"

/* A piece of a ring; valid until the next request. */
struct ring {
    uint64_t from,
        to; /* of all bytes that were ever written; FROM moves on if older ones are gone */
    const char *data; /* TO - FROM bytes */
};

/* Read what REQUEST (`log` or `console VM`) has from byte FROM on. Returns a STATUS_. */
int ring_ask(struct ring *ring, const char *request, uint64_t from);

/* `mullion log` */
int ring_log(char **args, const struct options *options);
