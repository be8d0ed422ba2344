/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of running VMs: their kernels take and release it, as fast and as far as they can. */
#include "memory.h"

#include <stdio.h>
#include <string.h>

#include "lib/fmt.h"

static bool is_there(const struct record *memory)
{
    return record_number(memory, "asked") == record_number(memory, "now");
}

static bool is_driven(const struct record *memory)
{
    return strcmp(record_text(memory, "driver"), "yes") == 0;
}

bool memory_settled(const struct records *records)
{
    const struct record *memory = NULL;
    while ((memory = records_next(records, "memory", memory)) != NULL)
        if (is_driven(memory) && !is_there(memory))
            return false;
    return true;
}

void memory_print(const struct records *records)
{
    char now[24], asked[24];
    for (const struct record *memory = NULL;
         (memory = records_next(records, "memory", memory)) != NULL;) {
        const char *vm = record_text(memory, "vm");
        fmt_size(now, sizeof(now), record_number(memory, "now"));
        fmt_size(asked, sizeof(asked), record_number(memory, "asked"));
        if (is_there(memory))
            printf("%s: has %s\n", vm, now);
        else if (!is_driven(memory))
            printf("%s: has %s; %s when its kernel loads virtio_mem\n", vm, now, asked);
        else if (record_number(memory, "now") > record_number(memory, "asked"))
            fprintf(stderr,
                    "mullion: %s: its kernel still has %s and is to have %s; it goes on "
                    "releasing; see: mullion show %s\n",
                    vm, now, asked, vm);
        else
            fprintf(stderr,
                    "mullion: %s: its kernel has taken %s of %s so far; see: mullion show "
                    "%s\n",
                    vm, now, asked, vm);
    }
}
