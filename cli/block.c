/* SPDX-License-Identifier: Apache-2.0 */
/* Lines added to a VM's block. The later line wins, so that what it replaces may as well go. */
#include "block.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_units.h"

#define KEY_MAX 128

bool block_is_setting(const char *setting)
{
    const char *equals = strchr(setting, '=');
    bool quoted = false, good = equals != NULL && equals != setting && equals[1] != '\0';
    for (const char *at = setting; good && *at != '\0'; at++) {
        if (quoted && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if ((unsigned char)*at < ' ' || (!quoted && strchr("{};#", *at) != NULL))
            good = false;
    }
    return good && !quoted;
}

/*
 * The first WORDS words of LENGTH bytes as one would write them: one blank between, numbers as
 * ranges. How many words there were; *REST is how many bytes are behind them.
 */
static unsigned read_key(const char *text, size_t length, unsigned words, char key[KEY_MAX],
                         size_t *rest)
{
    static const char blanks[] = " \t\r";
    const char *end = text + length;
    unsigned count = 0;
    size_t done = 0;
    key[0] = '\0';
    for (; count < words; count++) {
        uint64_t first, last;
        while (text < end && strchr(blanks, *text) != NULL)
            text++;
        size_t word = 0;
        while (text + word < end && strchr(blanks, text[word]) == NULL)
            word++;
        if (word == 0)
            break;
        int added = config_units_range(text, word, &first, &last)
                        ? snprintf(key + done, KEY_MAX - done, "0x%lx-0x%lx ", first, last)
                        : snprintf(key + done, KEY_MAX - done, "%.*s ", (int)word, text);
        if (added < 0 || (size_t)added >= KEY_MAX - done)
            break;
        done += (size_t)added;
        text += word;
    }
    *rest = (size_t)(end - text);
    return count;
}

/* Keywords that may stand in a block several times, about different things. */
static bool is_repeated(const char *key)
{
    static const char *const words[] = {"port ", "msr ", "exception ", "cpuid "};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncmp(key, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

/* Whether the line is about what the setting is about. */
static bool is_replaced(const char *line, size_t length, const char *setting)
{
    char wanted[KEY_MAX], found[KEY_MAX], value[KEY_MAX];
    size_t rest, end;
    unsigned words = read_key(setting, strcspn(setting, "="), UINT32_MAX, wanted, &rest);
    if (rest > 0 || read_key(line, length, words, found, &rest) != words ||
        strcmp(wanted, found) != 0)
        return false;
    /* One more word, or it is about something else: `msr 0x10 read deny` is not `msr 0x10 deny`. */
    return !is_repeated(wanted) || read_key(line + length - rest, rest, 2, value, &end) == 1;
}

/* Whether the line is one statement. One that a person has written may be several, or a part. */
static bool is_statement(const char *line, size_t length)
{
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        if (quoted && line[i] == '\\')
            i++;
        else if (line[i] == '"')
            quoted = !quoted;
        else if (!quoted && line[i] == '#')
            return true;
        else if (!quoted && strchr(";{}", line[i]) != NULL)
            return false;
    }
    return true;
}

static bool is_replaced_by_any(const char *line, size_t length, char *const *settings)
{
    if (!is_statement(line, length))
        return false;
    for (; *settings != NULL; settings++)
        if (is_replaced(line, length, *settings))
            return true;
    return false;
}

/* The brace that ends the block that begins at TEXT, or the text's end. */
static const char *find_end(const char *text)
{
    bool quoted = false, comment = false;
    for (; *text != '\0' && (quoted || comment || *text != '}'); text++) {
        if (quoted && *text == '\\' && text[1] != '\0')
            text++;
        else if (*text == '"' && !comment)
            quoted = !quoted;
        else if (*text == '#' && !quoted)
            comment = true;
        else if (*text == '\n')
            quoted = comment = false;
    }
    return text;
}

void block_write_setting(FILE *out, const char *setting)
{
    size_t key = strcspn(setting, "=");
    fprintf(out, "    %.*s %s\n", (int)key, setting, setting + key + 1);
}

/* TEXT up to line LINE, which is counted from 1. */
static const char *find_line(const char *text, unsigned line)
{
    for (const char *end; line > 1 && (end = strchr(text, '\n')) != NULL; line--)
        text = end + 1;
    return text;
}

char *block_add(const char *text, struct config_position place, char *const *settings,
                unsigned *first)
{
    const char *begin = find_line(text, place.line), *end = find_end(begin + place.column - 1);
    const char *at = begin;
    char *made = NULL;
    size_t size;
    FILE *out = open_memstream(&made, &size);
    if (out == NULL)
        return NULL;
    fwrite(text, 1, (size_t)(at - text), out);
    for (*first = place.line; at < end; (*first)++) {
        size_t length = strcspn(at, "\n");
        bool whole = at + length < end;
        if (!whole)
            length = (size_t)(end - at);
        if (whole && at != begin && is_replaced_by_any(at, length, settings))
            (*first)--;
        else
            fprintf(out, "%.*s%s", (int)length, at, whole || length > 0 ? "\n" : "");
        at += length + (whole ? 1 : 0);
    }
    for (; *settings != NULL; settings++)
        block_write_setting(out, *settings);
    fputs(end, out);
    bool good = ferror(out) == 0;
    if (fclose(out) != 0 || !good) {
        free(made);
        return NULL;
    }
    return made;
}
