/* SPDX-License-Identifier: Apache-2.0 */
/* Which sites must stay as they are, and why: by section, by the kernel's symbols, by the
 * instruction. */
#include "exclude.h"

#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "ex_table.h"

#define JUMP_SIZE 5
#define JUMP_REACH                                                                                 \
    0x7fff0000u /* of a relative jump, less what a stub may be away from the area's start */

/* Code between two symbols, or of one function (to: NULL). Names of Linux. */
static const struct {
    const char *from, *to;
    uint8_t reason;
} ranges[] = {
    {"__entry_text_start", "__entry_text_end", AFTERBURN_REASON_ENTRY},
    {"optprobe_template_func", "optprobe_template_end", AFTERBURN_REASON_TEMPLATE},
    {"relocate_kernel", NULL, AFTERBURN_REASON_MOVED},
    {"identity_mapped", NULL, AFTERBURN_REASON_MOVED},
    {"virtual_mapped", NULL, AFTERBURN_REASON_MOVED},
    {"swap_pages", NULL, AFTERBURN_REASON_MOVED},
    {"core_restore_code", NULL, AFTERBURN_REASON_MOVED},
    {"ftrace_caller", "ftrace_caller_end", AFTERBURN_REASON_MOVED},
    {"ftrace_regs_caller", "ftrace_regs_caller_end", AFTERBURN_REASON_MOVED},
    {"__enc_copy", NULL, AFTERBURN_REASON_MOVED},
    {"wakeup_long64", NULL, AFTERBURN_REASON_MOVED},
    {"do_suspend_lowlevel", NULL, AFTERBURN_REASON_MOVED},
};

struct span {
    uint64_t start, end;
    uint8_t reason;
};

static struct area area_between(const struct image *image, const char *from, const char *to)
{
    const struct symbol *start = image_symbol(image, from), *end = image_symbol(image, to);
    if (start == NULL || end == NULL || end->address < start->address)
        return (struct area){0};
    return (struct area){start->address, end->address - start->address};
}

struct area area_text(const struct image *image)
{
    return area_between(image, "afterburn_text", "afterburn_text_end");
}

struct area area_data(const struct image *image)
{
    return area_between(image, "afterburn_data", "afterburn_data_end");
}

static size_t find_spans(const struct image *image, struct span *spans)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const struct symbol *from = image_symbol(image, ranges[i].from);
        const struct symbol *to = ranges[i].to != NULL ? image_symbol(image, ranges[i].to) : NULL;
        if (from != NULL)
            spans[count++] =
                (struct span){from->address, to != NULL ? to->address : from->address + from->size,
                              ranges[i].reason};
    }
    return count;
}

static uint8_t reason_by_place(const struct image *image, const struct site *site,
                               const struct span *spans, size_t span_count)
{
    if (image->shared && image_symbol(image, "__vdso_gettimeofday") != NULL)
        return AFTERBURN_REASON_VDSO;
    for (size_t i = 0; i < span_count; i++)
        if (site->address >= spans[i].start && site->address < spans[i].end)
            return spans[i].reason;
    if (site->section == NULL || !site->section->executable)
        return AFTERBURN_REASON_SECTION;
    if (strcmp(site->section->name, ".altinstr_replacement") == 0)
        return AFTERBURN_REASON_TEMPLATE;
    if (strcmp(site->section->name, ".entry.text") == 0)
        return AFTERBURN_REASON_ENTRY;
    return AFTERBURN_REASON_NONE;
}

/* An operand that the instruction finds at its own place only, or that a stub would overwrite. */
static uint8_t reason_by_operands(const struct site *site)
{
    const uint8_t *bytes = site_bytes(site);
    struct instruction found = {0};
    if (bytes != NULL)
        found =
            decode(site->mode, bytes + site->before, site->length, site->address + site->before);
    if (found.rip)
        return AFTERBURN_REASON_RIP;
    return found.below ? AFTERBURN_REASON_EARLY : AFTERBURN_REASON_NONE;
}

static uint8_t reason_by_instruction(const struct site *site, struct area text)
{
    uint64_t away =
        site->address > text.address ? site->address - text.address : text.address - site->address;
    if (site->mode != MODE_64)
        return AFTERBURN_REASON_MODE;
    if (site->size < JUMP_SIZE)
        return AFTERBURN_REASON_SMALL;
    if (text.size > 0 && away > JUMP_REACH)
        return AFTERBURN_REASON_FAR;
    return reason_by_operands(site);
}

/* Linux starts its processors here, some of it before they have a stack. */
static bool is_early(const struct image *image, const struct site *site)
{
    static const char *const names[] = {"startup_64", "secondary_startup_64", "verify_cpu",
                                        "sev_verify_cbit", "pvh_start_xen"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct symbol *start = image_symbol(image, names[i]);
        if (start != NULL && site->address >= start->address &&
            site->address - start->address < start->size)
            return true;
    }
    return false;
}

void exclude(const struct image *image, struct sites *sites)
{
    struct span spans[sizeof(ranges) / sizeof(ranges[0])];
    size_t span_count = image->relocatable ? 0 : find_spans(image, spans);
    struct ex_table table = ex_table_find(image);
    struct area text = area_text(image);
    for (size_t i = 0; i < sites->count; i++) {
        struct site *site = &sites->list[i];
        site->reason = reason_by_place(image, site, spans, span_count);
        if (site->reason == AFTERBURN_REASON_NONE)
            site->reason = reason_by_instruction(site, text);
        if (site->reason != AFTERBURN_REASON_NONE)
            site->flags |= AFTERBURN_EXCLUDED;
        if (!image->relocatable && is_early(image, site))
            site->flags |= AFTERBURN_NO_STACK;
        if (ex_table_has(&table, site->address + site->before))
            site->flags |= AFTERBURN_IN_TABLE;
    }
    ex_table_free(&table);
}
