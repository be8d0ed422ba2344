/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the command line. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "core/config.h"
#include "core/config_units.h"

#define TIMEOUT_MAX 86400u

enum kind { KIND_FLAG, KIND_TEXT, KIND_NUMBER, KIND_SIZE };

static const struct option {
    const char *name;
    enum kind kind;
    size_t field; /* in struct options */
    uint64_t least, most;
    const char *wanted; /* for messages */
} known[] = {
    {"--json", KIND_FLAG, offsetof(struct options, json), 0, 0, NULL},
    {"--follow", KIND_FLAG, offsetof(struct options, follow), 0, 0, NULL},
    {"--once", KIND_FLAG, offsetof(struct options, once), 0, 0, NULL},
    {"--config", KIND_FLAG, offsetof(struct options, config), 0, 0, NULL},
    {"--watch", KIND_FLAG, offsetof(struct options, watch), 0, 0, NULL},
    {"--summary", KIND_FLAG, offsetof(struct options, summary), 0, 0, NULL},
    {"--save", KIND_FLAG, offsetof(struct options, save), 0, 0, NULL},
    {"--root", KIND_TEXT, offsetof(struct options, root), 0, 0, NULL},
    {"--image", KIND_TEXT, offsetof(struct options, image), 0, 0, NULL},
    {"--as", KIND_TEXT, offsetof(struct options, as), 0, 0, NULL},
    {"--event", KIND_TEXT, offsetof(struct options, event), 0, 0, NULL},
    {"--like", KIND_TEXT, offsetof(struct options, like), 0, 0, NULL},
    {"--profile", KIND_TEXT, offsetof(struct options, profile), 0, 0, NULL},
    {"--file", KIND_TEXT, offsetof(struct options, file), 0, 0, NULL},
    {"--saved", KIND_TEXT, offsetof(struct options, saved), 0, 0, NULL},
    {"--cpus", KIND_NUMBER, offsetof(struct options, cpus), 1, MAX_CPUS, "1 to 256"},
    {"--nodes", KIND_NUMBER, offsetof(struct options, nodes), 1, MAX_NODES, "1 to 16"},
    {"--timeout", KIND_NUMBER, offsetof(struct options, timeout), 1, TIMEOUT_MAX,
     "1 to 86400 seconds"},
    {"--seconds", KIND_NUMBER, offsetof(struct options, seconds), 1, TIMEOUT_MAX,
     "1 to 86400 seconds"},
    {"--memory", KIND_SIZE, offsetof(struct options, memory), CONFIG_MEMORY_MIN, CONFIG_MEMORY_MAX,
     "a size of 16M to 64T, such as 16G"},
};

static bool is_option(const char *word)
{
    return word != NULL && word[0] == '-' && word[1] != '\0';
}

/* Whether NAME stands in the command's usage, as a whole word. */
static bool has_option(const struct command *command, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = command->arguments; (at = strstr(at, name)) != NULL; at++)
        if (strchr(" ]", at[length]) != NULL)
            return true;
    return false;
}

static const struct option *find_option(const struct command *command, const char *name)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, name) == 0 && has_option(command, name))
            return &known[i];
    return NULL;
}

static bool read_value(const struct option *option, const char *text, void *field)
{
    uint64_t value;
    if (option->kind == KIND_TEXT) {
        memcpy(field, &text, sizeof(text));
        return true;
    }
    bool (*read)(const char *, size_t, uint64_t *) =
        option->kind == KIND_SIZE ? config_units_size : config_units_number;
    if (!read(text, strlen(text), &value) || value < option->least || value > option->most)
        return false;
    memcpy(field, &value, sizeof(value));
    return true;
}

/* Read the option at *ARGS, and go to its last word. */
static int read_option(const struct command *command, char ***args, struct options *options)
{
    const char *name = **args;
    char what[96];
    const struct option *option = find_option(command, name);
    if (option == NULL)
        return usage_fail(command, "there is no option", name);
    void *field = (char *)options + option->field;
    if (option->kind == KIND_FLAG) {
        *(bool *)field = true;
        return STATUS_OK;
    }
    if (*++*args == NULL) {
        --*args;
        return usage_fail(command, "a value is missing behind", name);
    }
    snprintf(what, sizeof(what), "%s must be %s, and is", name,
             option->wanted != NULL ? option->wanted : "");
    return read_value(option, **args, field) ? STATUS_OK : usage_fail(command, what, **args);
}

int options_read(const struct command *command, char **args, struct options *options)
{
    char **kept = args;
    unsigned count = 0;
    bool ended = false;
    for (; *args != NULL; args++) {
        if (!ended && strcmp(*args, "--") == 0) {
            ended = true;
        } else if (ended || !is_option(*args)) {
            *kept++ = *args;
            count++;
        } else if (read_option(command, &args, options) != STATUS_OK) {
            return STATUS_USAGE;
        }
    }
    *kept = NULL;
    if (count < command->least)
        return usage_fail(command, "something is missing behind", command->name);
    if (count > command->most)
        return usage_fail(command, "this is too much", kept[(int)command->most - (int)count]);
    return STATUS_OK;
}
