/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two texts: the longest common part stays, the other lines go or come. */
#include "lines.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX (4u * 1024 * 1024)

struct lines {
    const char **list; /* each ends with '\n' or the text's end */
    size_t count;
};

struct difference {
    FILE *out;
    struct lines before, now;
    const char *block, *printed; /* the first line of the block, and of the last one printed */
};

static size_t line_length(const char *line)
{
    return strcspn(line, "\r\n");
}

static bool is_same(const char *a, const char *b)
{
    size_t length = line_length(a);
    return length == line_length(b) && memcmp(a, b, length) == 0;
}

static bool split(struct lines *lines, const char *text)
{
    size_t most = 1;
    for (const char *at = text; *at != '\0'; at++)
        most += *at == '\n' ? 1 : 0;
    *lines = (struct lines){.list = calloc(most, sizeof(*lines->list))};
    while (lines->list != NULL && *text != '\0') {
        lines->list[lines->count++] = text;
        text += strcspn(text, "\n");
        text += *text == '\n' ? 1 : 0;
    }
    return lines->list != NULL;
}

static void print_line(FILE *out, char mark, const char *line)
{
    fprintf(out, "%c ", mark);
    for (size_t i = 0; i < line_length(line); i++)
        putc(line[i] == '\t' || (line[i] >= ' ' && line[i] <= '~') ? line[i] : '?', out);
    putc('\n', out);
}

/* A line stays: it may begin or end a block. */
static void pass(struct difference *difference, const char *line)
{
    size_t length = line_length(line);
    if (memchr(line, '{', length) != NULL)
        difference->block = line;
    if (memchr(line, '}', length) != NULL)
        difference->block = NULL;
}

static void print_changed(struct difference *difference, char mark, const char *line)
{
    const char *block = difference->block;
    if (block != NULL && block != difference->printed)
        print_line(difference->out, ' ', block);
    difference->printed = block;
    print_line(difference->out, mark, line);
}

/*
 * From line I of the one and J of the other on. LENGTHS[i * width + j] lines of what is behind
 * these two are common at most; without it all lines are taken as different.
 */
static void print_from(struct difference *difference, size_t first, const unsigned *lengths)
{
    const struct lines *before = &difference->before, *now = &difference->now;
    size_t i = first, j = first, width = now->count - first + 1;
    while (i < before->count || j < now->count) {
        bool both = i < before->count && j < now->count;
        if (both && lengths != NULL && is_same(before->list[i], now->list[j])) {
            pass(difference, before->list[i]);
            i++;
            j++;
            continue;
        }
        const unsigned *here =
            both && lengths != NULL ? &lengths[(i - first) * width + j - first] : NULL;
        if (j == now->count || (i < before->count && (here == NULL || here[width] >= here[1])))
            print_changed(difference, '-', before->list[i++]);
        else
            print_changed(difference, '+', now->list[j++]);
    }
}

/* NULL if that is too much. */
static unsigned *count_common(const struct difference *difference, size_t first)
{
    const struct lines *before = &difference->before, *now = &difference->now;
    size_t rows = before->count - first + 1, width = now->count - first + 1;
    unsigned *lengths = rows <= CELLS_MAX / width ? calloc(rows * width, sizeof(*lengths)) : NULL;
    for (size_t i = rows - 1; lengths != NULL && i-- > 0;)
        for (size_t j = width - 1; j-- > 0;) {
            unsigned *here = &lengths[i * width + j];
            if (is_same(before->list[first + i], now->list[first + j]))
                *here = here[width + 1] + 1;
            else
                *here = here[width] > here[1] ? here[width] : here[1];
        }
    return lengths;
}

void lines_print_difference(FILE *out, const char *before, const char *now)
{
    struct difference difference = {.out = out};
    if (split(&difference.before, before) && split(&difference.now, now)) {
        size_t first = 0;
        const struct lines *a = &difference.before, *b = &difference.now;
        for (; first < a->count && first < b->count && is_same(a->list[first], b->list[first]);
             first++)
            pass(&difference, a->list[first]);
        while (a->count > first && b->count > first &&
               is_same(a->list[a->count - 1], b->list[b->count - 1])) {
            difference.before.count--;
            difference.now.count--;
        }
        unsigned *lengths = count_common(&difference, first);
        print_from(&difference, first, lengths);
        free(lengths);
    }
    free(difference.before.list);
    free(difference.now.list);
    fflush(out);
}
