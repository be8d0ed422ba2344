/* SPDX-License-Identifier: Apache-2.0 */
/* KEY=VALUE words of the command line, and complaints about them. */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#include "block.h"
#include "text.h"

/* Which lines of the text the settings are. */
static struct {
    char *const *settings;
    unsigned first, count;
} placed;

static void complain(uint64_t line, const char *text)
{
    uint64_t number = line - placed.first;
    if (line >= placed.first && number < placed.count)
        fprintf(stderr, "mullion: %s: %s\n", placed.settings[number], text);
    else
        fprintf(stderr, "mullion: %s\n", text);
}

void settings_complain(const struct answer *answer)
{
    if (answer->text[0] == '\0')
        control_complain(answer, NULL);
    for (char *line = answer->text, *next; line != NULL && line[0] != '\0'; line = next) {
        uint64_t number = 0;
        next = strchr(line, '\n');
        next = next == NULL ? NULL : next + 1;
        text_clean(line);
        size_t place = strspn(line, "0123456789:");
        if (place == 0 || line[place] != ' ' || !text_number(line, &number))
            place = 0;
        complain(number, line + place + (place > 0 ? 1 : 0));
    }
}

int settings_parse(const char *text, struct config *config)
{
    static struct config_errors errors;
    if (config_parse(text, strlen(text), config, &errors))
        return STATUS_OK;
    for (unsigned i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++)
        complain(errors.list[i].at.line, errors.list[i].text);
    return STATUS_ERRORS;
}

int settings_check(char *const *words)
{
    for (; *words != NULL; words++)
        if (!block_is_setting(*words)) {
            fprintf(stderr,
                    "mullion: this is no setting: %s; write KEY=VALUE, such as rdtsc=count or "
                    "\"port 0x70-0x71=deny\"\n",
                    *words);
            return STATUS_USAGE;
        }
    return STATUS_OK;
}

void settings_place(char *const *words, unsigned first)
{
    placed.settings = words;
    placed.first = first;
    for (placed.count = 0; words[placed.count] != NULL; placed.count++)
        ;
}

bool settings_have(char *const *words, const char *key)
{
    size_t length = strlen(key);
    for (; *words != NULL; words++)
        if (strncmp(*words, key, length) == 0 && (*words)[length] == '=')
            return true;
    return false;
}
