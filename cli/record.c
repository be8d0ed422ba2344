/* SPDX-License-Identifier: Apache-2.0 */
/* Answers made of records: `vm name web state running cmdline "a \"b\""`. */
#include "record.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_units.h"
#include "text.h"

/* Cut the word or string at *TEXT off, and go behind it and a space; NULL if there is none. */
static char *cut_word(char **text)
{
    char *word = *text, *at = *text, *end;
    if (*at != '"') {
        end = at = word + strcspn(word, " \"");
    } else {
        end = word; /* the quote is overwritten */
        for (at++; *at != '"'; at++) {
            if (*at == '\\')
                at++;
            if (*at == '\0')
                return NULL;
            *end++ = *at;
        }
        at++;
    }
    if ((*at != ' ' && *at != '\0') || (at == word && end == word))
        return NULL;
    *text = *at == ' ' ? at + 1 : at;
    *end = '\0';
    text_clean(word);
    return word;
}

static bool read_record(struct record *record, char *line)
{
    record->kind = cut_word(&line);
    if (record->kind == NULL)
        return false;
    for (; *line != '\0'; record->count++) {
        struct field *field = &record->fields[record->count];
        field->key = cut_word(&line);
        field->value = field->key != NULL && *line != '\0' ? cut_word(&line) : NULL;
        if (field->value == NULL)
            return false;
    }
    return true;
}

static unsigned count_letter(const char *text, char letter)
{
    unsigned count = 0;
    for (; (text = strchr(text, letter)) != NULL; text++)
        count++;
    return count;
}

static bool read_lines(struct records *records)
{
    struct field *fields = records->fields;
    for (char *line = records->text, *end; *line != '\0'; line = end + 1) {
        end = line + strcspn(line, "\n");
        if (*end == '\0')
            return false; /* cut off */
        *end = '\0';
        struct record *record = &records->list[records->count++];
        *record = (struct record){.fields = fields};
        if (!read_record(record, line))
            return false;
        fields += record->count;
    }
    return true;
}

bool records_read(struct records *records, const char *text, size_t length)
{
    *records = (struct records){.text = malloc(length + 1)};
    if (records->text == NULL || memchr(text, '\0', length) != NULL)
        return false;
    memcpy(records->text, text, length);
    records->text[length] = '\0';
    records->list = calloc(count_letter(records->text, '\n') + 1, sizeof(*records->list));
    /* A field takes two spaces. */
    records->fields = calloc(count_letter(records->text, ' ') / 2 + 1, sizeof(*records->fields));
    return records->list != NULL && records->fields != NULL && read_lines(records);
}

void records_free(struct records *records)
{
    free(records->text);
    free(records->list);
    free(records->fields);
    *records = (struct records){0};
}

int records_ask(struct records *records, const char *format, ...)
{
    char request[128];
    struct answer answer;
    va_list args;
    va_start(args, format);
    vsnprintf(request, sizeof(request), format, args);
    va_end(args);
    *records = (struct records){0};
    int status = control_do(&answer, NULL, "%s", request);
    if (status != STATUS_OK || records_read(records, answer.text, answer.length))
        return status;
    records_free(records);
    return control_garbled("it is no list of records");
}

const char *record_text(const struct record *record, const char *key)
{
    for (unsigned i = 0; i < record->count; i++)
        if (strcmp(record->fields[i].key, key) == 0)
            return record->fields[i].value;
    return "";
}

uint64_t record_number(const struct record *record, const char *key)
{
    const char *text = record_text(record, key);
    uint64_t value;
    return config_units_number(text, strlen(text), &value) ? value : 0;
}

bool record_is(const struct record *record, const char *key, const char *value)
{
    return strcmp(record_text(record, key), value) == 0;
}

const struct record *records_next(const struct records *records, const char *kind,
                                  const struct record *record)
{
    record = record == NULL ? records->list : record + 1;
    for (; record != NULL && record < records->list + records->count; record++)
        if (strcmp(record->kind, kind) == 0)
            return record;
    return NULL;
}

const struct record *records_find(const struct records *records, const char *kind, const char *key,
                                  const char *value)
{
    const struct record *record = NULL;
    while ((record = records_next(records, kind, record)) != NULL)
        if (record_is(record, key, value))
            return record;
    return NULL;
}
