/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses from records, sorted and joined. */
#include "accesses.h"

#include <stdlib.h>
#include <string.h>

#include "core/config_units.h"

/* VALUE if it is one of WORDS, which end in NULL; else NULL. */
static const char *choose(const char *value, const char *const *words)
{
    while (*words != NULL && strcmp(*words, value) != 0)
        words++;
    return *words;
}

static bool read_number(const struct record *record, const char *key, uint64_t *value)
{
    const char *text = record_text(record, key);
    return config_units_number(text, strlen(text), value);
}

static bool read_access(struct access *access, const struct record *record)
{
    static const char *const directions[] = {"read", "write", NULL};
    static const char *const policies[] = {"allow", "ignore", "deny", "none", NULL};
    *access = (struct access){
        .msr = record_is(record, "kind", "msr"),
        .direction = choose(record_text(record, "direction"), directions),
        .policy = choose(record_text(record, "line"), policies),
    };
    if (!access->msr && access->direction != NULL)
        access->direction = ""; /* a line for ports is about both */
    return (access->msr || record_is(record, "kind", "port")) && access->direction != NULL &&
           access->policy != NULL && read_number(record, "first", &access->first) &&
           read_number(record, "last", &access->last) &&
           read_number(record, "count", &access->count) && access->first <= access->last &&
           access->last <= (access->msr ? UINT32_MAX : UINT16_MAX) && access->count > 0;
}

bool accesses_read(struct accesses *accesses, const struct records *records)
{
    const struct record *record = NULL;
    *accesses = (struct accesses){.list = calloc(records->count + 1, sizeof(struct access))};
    while (accesses->list != NULL && (record = records_next(records, "access", record)) != NULL)
        if (!read_access(&accesses->list[accesses->count++], record))
            return false;
    return accesses->list != NULL;
}

/* Ports before MSRs. */
static int compare_kinds(const struct access *a, const struct access *b)
{
    int order = (a->msr ? 1 : 0) - (b->msr ? 1 : 0);
    return order != 0 ? order : strcmp(a->policy, b->policy);
}

static int compare_numbers(const struct access *a, const struct access *b)
{
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return a->last < b->last ? -1 : a->last > b->last ? 1 : 0;
}

/* Those that can be neighbours beside each other. */
static int compare_for_join(const void *one, const void *other)
{
    const struct access *a = one, *b = other;
    int order = compare_kinds(a, b);
    if (order == 0)
        order = strcmp(a->direction, b->direction);
    return order != 0 ? order : compare_numbers(a, b);
}

/* The same range, read and written, beside each other. */
static int compare_for_pairs(const void *one, const void *other)
{
    const struct access *a = one, *b = other;
    int order = compare_kinds(a, b);
    if (order == 0)
        order = compare_numbers(a, b);
    return order != 0 ? order : strcmp(a->direction, b->direction);
}

static int compare_for_reading(const void *one, const void *other)
{
    const struct access *a = one, *b = other;
    int order = (a->msr ? 1 : 0) - (b->msr ? 1 : 0);
    if (order == 0)
        order = compare_numbers(a, b);
    return order != 0 ? order : compare_for_join(a, b);
}

/* NEXT, which is not before ACCESS, goes on where that ends. */
static bool join_neighbour(struct access *access, const struct access *next)
{
    if (compare_kinds(access, next) != 0 || strcmp(access->direction, next->direction) != 0 ||
        next->first > access->last + 1)
        return false;
    access->last = next->last > access->last ? next->last : access->last;
    return true;
}

/* NEXT is the other direction of ACCESS. */
static bool join_pair(struct access *access, const struct access *next)
{
    if (compare_kinds(access, next) != 0 || compare_numbers(access, next) != 0)
        return false;
    access->direction = "";
    return true;
}

static void join(struct accesses *accesses, int (*compare)(const void *, const void *),
                 bool (*joins)(struct access *, const struct access *))
{
    size_t kept = 0;
    qsort(accesses->list, accesses->count, sizeof(struct access), compare);
    for (size_t i = 0; i < accesses->count; i++) {
        if (kept > 0 && joins(&accesses->list[kept - 1], &accesses->list[i]))
            accesses->list[kept - 1].count += accesses->list[i].count;
        else
            accesses->list[kept++] = accesses->list[i];
    }
    accesses->count = kept;
}

void accesses_join(struct accesses *accesses)
{
    join(accesses, compare_for_join, join_neighbour);
    join(accesses, compare_for_pairs, join_pair);
    qsort(accesses->list, accesses->count, sizeof(struct access), compare_for_reading);
}

void access_write(const struct access *access, char *text, size_t size)
{
    char last[24] = "";
    bool line = strcmp(access->policy, "none") != 0;
    if (access->last > access->first)
        snprintf(last, sizeof(last), "-0x%lx", access->last);
    snprintf(text, size, "%s 0x%lx%s%s%s%s%s", access->msr ? "msr" : "port", access->first, last,
             access->direction[0] != '\0' ? " " : "", access->direction, line ? " " : "",
             line ? access->policy : "");
}

void accesses_free(struct accesses *accesses)
{
    free(accesses->list);
    *accesses = (struct accesses){0};
}
