/* SPDX-License-Identifier: Apache-2.0 */
/* The rings of the monitor: `ring from F to T`, then the bytes F to T. */
#include "ring.h"

#include <stdio.h>
#include <string.h>

#include "record.h"
#include "timer.h"

#define FOLLOW_MS 200

int ring_ask(struct ring *ring, const char *request, uint64_t from)
{
    struct answer answer;
    struct records records;
    int status = control_do(&answer, NULL, "%s %lu", request, from);
    if (status != STATUS_OK)
        return status;
    const char *end = memchr(answer.text, '\n', answer.length);
    size_t line = end == NULL ? 0 : (size_t)(end + 1 - answer.text);
    bool good = records_read(&records, answer.text, line) && records.count == 1 &&
                strcmp(records.list[0].kind, "ring") == 0;
    if (good) {
        ring->from = record_number(&records.list[0], "from");
        ring->to = record_number(&records.list[0], "to");
        ring->data = answer.text + line;
        good = ring->from <= ring->to && ring->to - ring->from == answer.length - line;
    }
    records_free(&records);
    return good ? STATUS_OK : control_garbled("it is no piece of a ring");
}

/* Guests have a say in the log: nothing of it shall command the terminal. */
static void print_log(const struct ring *ring)
{
    for (const char *c = ring->data; c < ring->data + (ring->to - ring->from); c++)
        if (*c != '\r')
            putchar(*c == '\n' || *c == '\t' || (*c >= ' ' && *c <= '~') ? *c : '?');
    fflush(stdout);
}

int ring_log(char **args, const struct options *options)
{
    uint64_t from = 0;
    (void)args;
    for (;; timer_sleep(FOLLOW_MS)) {
        struct ring ring;
        int status = ring_ask(&ring, "log", from);
        if (status != STATUS_OK)
            return status;
        if (ring.from > from && from > 0)
            printf("\n[%lu bytes of the log are lost]\n", ring.from - from);
        print_log(&ring);
        from = ring.to;
        if (!options->follow || ferror(stdout))
            return STATUS_OK;
    }
}
