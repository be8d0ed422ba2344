/* SPDX-License-Identifier: Apache-2.0 */
/* `afterburn report`: what a prepared file has recorded. */
#include <stdio.h>
#include <stdlib.h>

#include "exclude.h"
#include "format/format.h"
#include "tool.h"

static void print_count(const char *name, size_t count)
{
    if (count > 0)
        printf("  %-24s %6zu\n", name, count);
}

static void print_kinds(const struct sites *sites)
{
    size_t counts[AFTERBURN_KINDS] = {0};
    for (size_t i = 0; i < sites->count; i++)
        counts[sites->list[i].kind]++;
    printf("kinds\n");
    for (int kind = 0; kind < AFTERBURN_KINDS; kind++)
        print_count(kind_names[kind], counts[kind]);
}

static void print_modes(const struct sites *sites)
{
    size_t counts[MODES] = {0};
    for (size_t i = 0; i < sites->count; i++)
        counts[sites->list[i].mode]++;
    printf("modes\n");
    for (int mode = 0; mode < MODES; mode++)
        print_count(mode_names[mode], counts[mode]);
}

/* Sites are sorted by section. */
static void print_sections(const struct sites *sites)
{
    printf("sections\n");
    for (size_t first = 0, end = 0; first < sites->count; first = end) {
        const struct section *section = sites->list[first].section;
        while (end < sites->count && sites->list[end].section == section)
            end++;
        print_count(section != NULL ? section->name : "(none)", end - first);
    }
}

static void print_exclusions(const struct sites *sites)
{
    size_t counts[AFTERBURN_REASONS] = {0}, all = 0;
    for (size_t i = 0; i < sites->count; i++) {
        counts[sites->list[i].reason]++;
        all += sites->list[i].reason != AFTERBURN_REASON_NONE;
    }
    printf("stay as they are: %zu\n", all);
    for (int reason = AFTERBURN_REASON_NONE + 1; reason < AFTERBURN_REASONS; reason++)
        if (counts[reason] > 0)
            printf("  %-62s %6zu\n", reason_names[reason], counts[reason]);
}

int report(const char *path)
{
    struct image image;
    struct sites sites;
    image_open(&image, path);
    sites_read(&image, &sites);
    exclude(&image, &sites);
    size_t pad = 0, bytes = 0, in_table = 0;
    for (size_t i = 0; i < sites.count; i++) {
        pad += (size_t)(sites.list[i].size - sites.list[i].length);
        bytes += sites.list[i].size;
        in_table += (sites.list[i].flags & AFTERBURN_IN_TABLE) != 0;
    }
    printf("%s: %zu sites of %zu bytes, %zu of them padding; %zu in the exception table; %zu "
           "records of code that is not in it\n",
           path, sites.count, bytes, pad, in_table, sites.discarded);
    print_kinds(&sites);
    print_sections(&sites);
    print_modes(&sites);
    print_exclusions(&sites);
    free(sites.list);
    image_close(&image);
    return 0;
}
