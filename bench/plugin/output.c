/* SPDX-License-Identifier: Apache-2.0 */
/* The counts as text, one block for each time that they are asked for. */
#include "count.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

static FILE *file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool output_open(const char *path)
{
    file = fopen(path, "w");
    return file != NULL;
}

/* Another processor's numbers move while we read them; each is whole. */
static void write_processor(unsigned cpu)
{
    const struct processor *p = &processors[cpu];
    uint64_t passed = executed(cpu) - p->since;

    fprintf(file, "cpu %u guest %" PRIu64 " host %" PRIu64 " entries %" PRIu64 "\n", cpu,
            p->guest + (p->inside ? passed : 0), p->host + (p->inside ? 0 : passed), p->entries);
    for (const struct reason *r = p->reasons; r < p->reasons + MAX_REASONS; r++)
        if (r->count != 0)
            fprintf(file,
                    "exit %u %" PRIx64 " %" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                    "\n",
                    cpu, r->code, r->detail, r->count, r->instructions, r->least, r->most);
}

void output_full(unsigned cpu, uint64_t id)
{
    if (!file)
        return;
    pthread_mutex_lock(&lock);
    fprintf(file, "full %" PRIu64 " cpu %u %s\n", id, cpu,
            processors[cpu].inside ? "guest" : "host");
    for (unsigned i = 0; i < MAX_PROCESSORS; i++)
        if (processors[i].started)
            write_processor(i);
    fprintf(file, "end\n");
    fflush(file);
    pthread_mutex_unlock(&lock);
}

void output_short(unsigned cpu, uint64_t id)
{
    const struct processor *p = &processors[cpu];
    uint64_t passed = executed(cpu) - p->since;

    if (!file)
        return;
    pthread_mutex_lock(&lock);
    fprintf(file,
            "short %" PRIu64 " cpu %u guest %" PRIu64 " host %" PRIu64 " returns %" PRIu64
            " nops %" PRIu64 "\n",
            id, cpu, p->guest + (p->inside ? passed : 0), p->host + (p->inside ? 0 : passed),
            returned(cpu), padding(cpu));
    pthread_mutex_unlock(&lock);
}
