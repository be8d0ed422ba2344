/* SPDX-License-Identifier: Apache-2.0 */
/* The control service's requests: words, bodies, answers. */
#include "core/control.h"

#include "core/config_units.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define HEAD_MAX 32u /* room before the answer for "error 12345\n" */

struct lock control_lock = LOCK_INIT;

void control_init(struct control *control, const struct control_command *commands, uint8_t *buffer,
                  char *answer)
{
    memset(control, 0, sizeof(*control));
    control->commands = commands;
    control->buffer = buffer;
    control->answer.buffer = answer + HEAD_MAX;
    control->answer.size = CONTROL_ANSWER_MAX - HEAD_MAX;
}

bool control_refuse(struct control *control, const char *format, ...)
{
    char line[CONTROL_LINE_MAX + 200];
    va_list args;
    va_start(args, format);
    size_t length = fmt_text_va(line, sizeof(line), format, args);
    va_end(args);
    text_bytes(&control->answer, line, length);
    text_bytes(&control->answer, "\n", 1);
    return false;
}

bool control_number(struct control *control, unsigned index, uint64_t *value)
{
    const char *word = control->words[index];
    return config_units_number(word, strlen(word), value) ||
           control_refuse(control, "%s: \"%s\" is no number", control->words[0], word);
}

/* Cut the line into words; their number, or one too many. */
static unsigned split(struct control *control)
{
    unsigned count = 0;
    for (char *p = control->line; *p != '\0'; count++) {
        if (count == CONTROL_WORDS_MAX)
            return count + 1;
        control->words[count] = p;
        while (*p != '\0' && *p != ' ')
            p++;
        while (*p == ' ')
            *p++ = '\0';
    }
    return count;
}

static unsigned words_of(const char *usage)
{
    unsigned count = 1;
    for (; *usage != '\0'; usage++)
        count += *usage == ' ' ? 1u : 0u;
    return count;
}

static bool has_body(const struct control_command *command)
{
    size_t length = strlen(command->usage);
    return length > 7 && strcmp(command->usage + length - 7, " LENGTH") == 0;
}

static bool is_named(const struct control_command *command, const char *name)
{
    size_t length = strlen(name);
    return strncmp(command->usage, name, length) == 0 &&
           (command->usage[length] == ' ' || command->usage[length] == '\0');
}

static bool refuse_unknown(struct control *control, unsigned count)
{
    const char *name = count > 0 ? control->words[0] : "";
    const struct control_command *command = control->commands;
    while (command->usage != NULL && !is_named(command, name))
        command++;
    if (command->usage != NULL)
        return control_refuse(control, "%s: wrong number of words; write %s", name, command->usage);
    control_refuse(control, "\"%s\" is no request; there are:", name);
    for (command = control->commands; command->usage != NULL; command++)
        control_refuse(control, "  %s", command->usage);
    return false;
}

/* The same name may stand in the table with different numbers of words. */
static const struct control_command *find(const struct control *control, unsigned count)
{
    const struct control_command *command = control->commands;
    while (command->usage != NULL && (count == 0 || words_of(command->usage) != count ||
                                      !is_named(command, control->words[0])))
        command++;
    return command->usage != NULL ? command : NULL;
}

void control_line(struct control *control, const char *line, size_t length)
{
    control->answer.length = 0;
    control->answer.overflow = false;
    control->command = NULL;
    control->body = NULL;
    control->body_length = 0;
    if (length >= CONTROL_LINE_MAX) {
        control_refuse(control, "the request is longer than %u bytes", CONTROL_LINE_MAX - 1);
        return;
    }
    memcpy(control->line, line, length);
    control->line[length] = '\0';
    unsigned count = split(control);
    const struct control_command *command = find(control, count);
    if (command == NULL) {
        refuse_unknown(control, count);
        return;
    }
    if (has_body(command) && !control_number(control, count - 1, &control->body_length))
        return;
    if (command->begin != NULL) {
        lock_take(&control_lock);
        control->command = command->begin(control) ? command : NULL;
        lock_release(&control_lock);
        if (control->command == NULL)
            control->body = NULL;
    } else if (control->body_length > CONTROL_BODY_MAX) {
        control_refuse(control, "%s: the body is longer than %lu bytes", control->words[0],
                       (unsigned long)CONTROL_BODY_MAX);
    } else {
        control->body = control->buffer;
        control->command = command;
    }
}

const char *control_run(struct control *control, size_t *length)
{
    struct text *answer = &control->answer;
    char head[HEAD_MAX];
    lock_take(&control_lock);
    bool done = control->command != NULL && control->command->run(control);
    lock_release(&control_lock);
    control->command = NULL;
    if (answer->overflow) {
        answer->length = 0;
        answer->overflow = false;
        done = control_refuse(control, "%s: the answer is too long", control->words[0]);
    }
    size_t size = fmt_text(head, sizeof(head), done ? "ok %zu\n" : "error %zu\n", answer->length);
    memcpy(answer->buffer - size, head, size);
    *length = size + answer->length;
    return answer->buffer - size;
}

void control_abort(struct control *control)
{
    if (control->command != NULL && control->command->abort != NULL) {
        lock_take(&control_lock);
        control->command->abort(control);
        lock_release(&control_lock);
    }
    control->command = NULL;
}
