/* SPDX-License-Identifier: Apache-2.0 */
/* Two looks at the counters, and what happened each second between them. */
#pragma once

#include <stdio.h>

#include "record.h"

struct sample {
    struct records list, stats;
    uint64_t time; /* ms */
};

/* Look once. Returns a STATUS_; a sample may be freed even if it was not taken. */
int sample_take(struct sample *sample);
void sample_free(struct sample *sample);

/* Print a line for each VM, the busiest reason first. */
void sample_print(FILE *out, const struct sample *before, const struct sample *now);
