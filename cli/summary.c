/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a trace. It is made as records, so that tables and JSON are those of all else. */
#include "summary.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define PLACES_MAX 20u /* of those that are printed */

struct tally {
    char *what, *rip; /* RIP is "" where only WHAT is counted */
    uint64_t count;
};

/* All of them: by WHAT, and by WHAT and RIP. */
static struct {
    struct tally **list;
    size_t count, room;
    void *tree;
    uint64_t lost;
    bool short_of_memory;
} tallies;

static const struct column event_columns[] = {
    {"EVENT", "what", false, NULL}, {"COUNT", "count", true, NULL}, {0}};
static const struct column place_columns[] = {{"RIP", "rip", false, NULL},
                                              {"EVENT", "what", false, NULL},
                                              {"COUNT", "count", true, NULL},
                                              {0}};

static int compare_names(const void *a, const void *b)
{
    const struct tally *one = a, *other = b;
    int order = strcmp(one->what, other->what);
    return order != 0 ? order : strcmp(one->rip, other->rip);
}

/* The largest first; events before places. */
static int compare_counts(const void *a, const void *b)
{
    const struct tally *one = *(struct tally *const *)a, *other = *(struct tally *const *)b;
    bool is_place = one->rip[0] != '\0', other_is = other->rip[0] != '\0';
    if (is_place != other_is)
        return is_place ? 1 : -1;
    if (one->count != other->count)
        return one->count < other->count ? 1 : -1;
    return compare_names(one, other);
}

static bool make_room(void)
{
    if (tallies.count < tallies.room)
        return true;
    size_t room = tallies.room * 2 + 64;
    struct tally **list = realloc(tallies.list, room * sizeof(struct tally *));
    if (list != NULL) {
        tallies.list = list;
        tallies.room = room;
    }
    return list != NULL;
}

static struct tally *copy(const struct tally *tally)
{
    struct tally *made = malloc(sizeof(*made));
    if (made == NULL)
        return NULL;
    *made = (struct tally){strdup(tally->what), strdup(tally->rip), 0};
    if (made->what != NULL && made->rip != NULL)
        return made;
    free(made->what);
    free(made->rip);
    free(made);
    return NULL;
}

static struct tally *find(const struct tally *wanted)
{
    struct tally **found = tfind(wanted, &tallies.tree, compare_names);
    if (found != NULL)
        return *found;
    struct tally *made = make_room() ? copy(wanted) : NULL;
    if (made == NULL || tsearch(made, &tallies.tree, compare_names) == NULL)
        return NULL;
    return tallies.list[tallies.count++] = made;
}

static void count(char *what, char *rip)
{
    struct tally wanted = {what, rip, 0};
    struct tally *tally = find(&wanted);
    if (tally == NULL)
        tallies.short_of_memory = true;
    else
        tally->count++;
}

void summary_add(const char *what, const char *rip)
{
    char event[64], place[32], none[1] = "";
    snprintf(event, sizeof(event), "%s", what);
    snprintf(place, sizeof(place), "%s", rip);
    count(event, none);
    if (place[0] != '\0')
        count(event, place);
}

void summary_add_lost(uint64_t lost)
{
    tallies.lost += lost;
}

/* `event what W count N`, `place rip R what W count N` and `lost count N`. */
static void write_records(FILE *out)
{
    unsigned places = 0;
    for (size_t i = 0; i < tallies.count; i++) {
        const struct tally *tally = tallies.list[i];
        if (tally->rip[0] == '\0')
            fprintf(out, "event what \"%s\" count %lu\n", tally->what, tally->count);
        else if (places++ < PLACES_MAX)
            fprintf(out, "place rip \"%s\" what \"%s\" count %lu\n", tally->rip, tally->what,
                    tally->count);
    }
    fprintf(out, "lost count %lu\n", tallies.lost);
}

static void print_tables(const struct records *records)
{
    if (tallies.count == 0)
        printf("no events\n");
    table_print(stdout, records, "event", event_columns);
    if (tallies.count > 0)
        printf("\n");
    table_print(stdout, records, "place", place_columns);
    if (tallies.lost > 0)
        printf("\n... %lu event%s lost\n", tallies.lost, tallies.lost == 1 ? "" : "s");
}

int summary_print(bool json)
{
    char *text = NULL;
    size_t size;
    struct records records = {0};
    FILE *out = open_memstream(&text, &size);
    if (tallies.count > 0)
        qsort(tallies.list, tallies.count, sizeof(struct tally *), compare_counts);
    if (out != NULL)
        write_records(out);
    bool good = out != NULL && fclose(out) == 0 && records_read(&records, text, size) &&
                !tallies.short_of_memory;
    if (!good)
        fprintf(stderr, "mullion: there is no memory for so many events\n");
    else if (json)
        records_print_json(stdout, &records, NULL);
    else
        print_tables(&records);
    records_free(&records);
    free(text);
    return good ? STATUS_OK : STATUS_ERRORS;
}
