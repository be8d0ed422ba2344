/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion set`: the machine's text with some lines more. What is wrong is told by the setting. */
#include "set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "block.h"
#include "create.h"
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

/* The monitor's reasons; those of a line of the text have its number and column before them. */
static void complain_of_refusal(const struct answer *answer)
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

/* Read the text as the monitor will. */
static int check(const char *text)
{
    static struct config config;
    static struct config_errors errors;
    if (config_parse(text, strlen(text), &config, &errors))
        return STATUS_OK;
    for (unsigned i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++)
        complain(errors.list[i].at.line, errors.list[i].text);
    return STATUS_ERRORS;
}

/* The machine's text BASE with the settings in the VM's block, for the caller to free. */
static int make_text(const struct snapshot *base, const char *name, char **text)
{
    static struct config running;
    int status = snapshot_parse(base, &running);
    if (status != STATUS_OK)
        return status;
    const struct config_vm *vm = create_find(&running, name);
    if (vm == NULL) {
        fprintf(stderr, "mullion: there is no VM \"%s\"; see: mullion list\n", name);
        return STATUS_ERRORS;
    }
    *text = block_add(base->text, vm->at.line, placed.settings, &placed.first);
    return *text != NULL ? check(*text) : STATUS_ERRORS;
}

static int check_settings(char *const *settings)
{
    for (placed.settings = settings; *settings != NULL; settings++, placed.count++)
        if (!block_is_setting(*settings)) {
            fprintf(stderr,
                    "mullion: this is no setting: %s; write KEY=VALUE, such as rdtsc=count or "
                    "\"port 0x70-0x71=deny\"\n",
                    *settings);
            return STATUS_USAGE;
        }
    return STATUS_OK;
}

int set_run(char **args, const struct options *options)
{
    struct snapshot base = {0};
    struct outcome outcome = {0};
    char *text = NULL;
    if (!control_vm_name(args[0]) || check_settings(args + 1) != STATUS_OK)
        return STATUS_USAGE;
    int status = snapshot_take(&base);
    if (status == STATUS_OK)
        status = make_text(&base, args[0], &text);
    struct apply apply = {.path = args[0],
                          .text = text,
                          .length = text != NULL ? strlen(text) : 0,
                          .base = &base,
                          .timeout = options->timeout,
                          .complain = complain_of_refusal};
    if (status == STATUS_OK)
        status = apply_text(&apply, &outcome);
    if (status == STATUS_OK && outcome.lines == 0)
        printf("%s: nothing has changed\n", args[0]);
    free(text);
    snapshot_free(&base);
    return status;
}
