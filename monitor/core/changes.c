/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of settings, old and new, in the monitor's log. */
#include "core/changes.h"

#include "core/log.h"
#include "lib/string.h"

#define RECORD_MAX   700u /* more than two lists of peers */
#define RECORD_WORDS 9u   /* changed vm NAME what WHAT old OLD new NEW */

/* Cut LINE at its blanks; false if it is no record of a change. */
static bool split(char *line, const char *words[RECORD_WORDS])
{
    unsigned count = 0;
    for (char *p = line; *p != '\0' && count < RECORD_WORDS; count++) {
        words[count] = p;
        while (*p != '\0' && *p != ' ')
            p++;
        if (*p == ' ')
            *p++ = '\0';
    }
    return count == RECORD_WORDS && strcmp(words[0], "changed") == 0;
}

void changes_log(const struct text *answer, unsigned generation)
{
    char line[RECORD_MAX];
    const char *words[RECORD_WORDS];
    unsigned count = 0;
    for (size_t at = 0, length = 0; at < answer->length; at++) {
        if (answer->buffer[at] != '\n') {
            if (length < sizeof(line) - 1)
                line[length++] = answer->buffer[at];
            continue;
        }
        line[length] = '\0';
        length = 0;
        if (split(line, words) && count++ < CHANGES_LOGGED)
            log_info("vm \"%s\": %s %s -> %s (generation %u)", words[2], words[4], words[6],
                     words[8], generation);
    }
    if (count > CHANGES_LOGGED)
        log_info("and %u more settings (generation %u)", count - CHANGES_LOGGED, generation);
}
