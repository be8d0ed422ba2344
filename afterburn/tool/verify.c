/* SPDX-License-Identifier: Apache-2.0 */
/* `afterburn verify`: the records against the instructions themselves. */
#include <stdio.h>
#include <stdlib.h>

#include "fail.h"
#include "format/format.h"
#include "site_check.h"
#include "sweep.h"
#include "tool.h"

#define COVERAGE_NEEDED 9900u /* of 10,000; PAUSE, MONITOR and MWAIT are not in it */

struct tally {
    size_t found[AFTERBURN_KINDS], recorded[AFTERBURN_KINDS];
};

static void where(const struct image *image, const struct section *section, uint64_t address)
{
    const struct symbol *best = NULL;
    for (size_t i = 0; i < image->symbol_count; i++) {
        const struct symbol *symbol = &image->symbols[i];
        if (section != NULL && symbol->section == section->index && symbol->name[0] != '\0' &&
            symbol->address <= address && (best == NULL || symbol->address > best->address))
            best = symbol;
    }
    printf("0x%llx", (unsigned long long)address);
    if (best != NULL)
        printf(" %s+0x%llx", best->name, (unsigned long long)(address - best->address));
    printf(" (%s)", section != NULL ? section->name : "in no section");
}

static const struct site *site_for(const struct sites *sites, const struct found *found)
{
    size_t low = 0, high = sites->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct site *site = &sites->list[middle];
        uint64_t address = site->address + site->before;
        if (site->section == found->section && address == found->address)
            return site;
        if (site->section < found->section ||
            (site->section == found->section && address < found->address))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* What is sensitive and not recorded; fills the tally. */
static void print_missing(const struct image *image, const struct sweep *sweep,
                          const struct sites *sites, struct tally *tally)
{
    for (size_t i = 0; i < sweep->count; i++) {
        const struct found *found = &sweep->list[i];
        const struct site *site = site_for(sites, found);
        tally->found[found->kind]++;
        if (site != NULL) {
            tally->recorded[found->kind]++;
            continue;
        }
        printf("not recorded: %s at ", kind_names[found->kind]);
        where(image, found->section, found->address);
        printf("\n");
    }
}

/* The instruction after sti runs before the first interrupt, so no padding may come between. */
static bool breaks_shadow(const struct site *site)
{
    bool is_last = site->before + site->length == site->size;
    return site->kind == AFTERBURN_STI ? !is_last : site->before != 0;
}

static size_t print_wrong(const struct image *image, const struct sites *sites, size_t *shadows)
{
    size_t count = 0;
    for (size_t i = 0; i < sites->count; i++) {
        const struct site *site = &sites->list[i];
        const char *what = site_wrong(site);
        if (what != NULL) {
            printf("recorded as %s, but %s: ", kind_names[site->kind], what);
            where(image, site->section, site->address);
            printf("\n");
            count++;
        }
        if (!breaks_shadow(site))
            continue;
        printf("padding on the wrong side of %s at ", kind_names[site->kind]);
        where(image, site->section, site->address);
        printf("\n");
        ++*shadows;
    }
    return count;
}

static bool is_apart(int kind)
{
    return kind == AFTERBURN_PAUSE || kind == AFTERBURN_MONITOR || kind == AFTERBURN_MWAIT;
}

/* Prints the coverage; returns it in parts of 10,000. */
static unsigned print_coverage(const struct tally *tally)
{
    size_t found = 0, recorded = 0;
    for (int kind = 0; kind < AFTERBURN_KINDS; kind++) {
        found += is_apart(kind) ? 0 : tally->found[kind];
        recorded += is_apart(kind) ? 0 : tally->recorded[kind];
    }
    unsigned parts = found > 0 ? (unsigned)(recorded * 10000 / found) : 10000;
    printf("coverage: %zu of %zu sensitive instructions are recorded, %u.%02u %%", recorded, found,
           parts / 100, parts % 100);
    for (int kind = 0; kind < AFTERBURN_KINDS; kind++)
        if (is_apart(kind))
            printf("; %s %zu of %zu", kind_names[kind], tally->recorded[kind], tally->found[kind]);
    printf("\n");
    return parts;
}

static int verdict(const char *path, size_t wrongs, size_t shadows, unsigned coverage)
{
    const char *broken =
        shadows > 0  ? "padding is on the wrong side of an instruction: correct the "
                       "prelude, and build it again"
        : wrongs > 0 ? "records name what is not there: build all of it again with "
                       "one prelude"
        : coverage < COVERAGE_NEEDED
            ? "less than 99 % is recorded: were all its sources given the prelude?"
            : NULL;
    if (broken == NULL) {
        printf("%s: verified\n", path);
        return STATUS_OK;
    }
    fflush(stdout);
    fprintf(stderr, "afterburn: %s: %s\n", path, broken);
    return STATUS_BROKEN;
}

int verify(const char *path)
{
    struct image image;
    struct sites sites;
    struct sweep sweep;
    struct tally tally = {0};
    size_t shadows = 0;
    image_open(&image, path);
    sites_read(&image, &sites);
    sweep_run(&image, &sweep);
    print_missing(&image, &sweep, &sites, &tally);
    size_t wrongs = print_wrong(&image, &sites, &shadows);
    printf(
        "%s: %llu instructions disassembled, %llu bytes are none; %zu records, %zu of them wrong\n",
        path, (unsigned long long)sweep.instructions, (unsigned long long)sweep.unknown_bytes,
        sites.count, wrongs);
    int status = verdict(path, wrongs, shadows, print_coverage(&tally));
    free(sweep.list);
    free(sites.list);
    image_close(&image);
    return status;
}
