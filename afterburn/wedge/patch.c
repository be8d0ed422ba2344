/* SPDX-License-Identifier: Apache-2.0 */
/* The patch side of a wedge, while it loads: the resident part, sites, exception table, hooks. */
#include "lib/string.h"
#include "stub.h"

/* An entry of Linux' exception table; each address as its distance from its own field. */
struct table_entry {
    uint32_t insn, fixup, data;
};

struct patch {
    struct stub_place place;
    struct wedge_counts *counts;
    struct table_entry *table;
    uint64_t table_count;
    uint64_t shadow; /* where the latest `sti` ends: what is there must follow it directly */
};

static uint8_t *at_physical(uint64_t address)
{
    return (uint8_t *)(uintptr_t)address;
}

static const void *pack_array(const struct afterburn_pack *pack, struct afterburn_range range)
{
    return (const uint8_t *)pack + range.offset;
}

/* Adds (SIGN 1) or takes away (-1) the fields' addresses; all is below 4 GiB here. */
static void table_rebase(const struct patch *patch, uint32_t sign)
{
    for (uint64_t i = 0; i < patch->table_count; i++) {
        struct table_entry *entry = &patch->table[i];
        entry->insn += sign * (uint32_t)(uintptr_t)&entry->insn;
        entry->fixup += sign * (uint32_t)(uintptr_t)&entry->fixup;
    }
}

/* By insertion: all but a few are in order already. */
static void table_sort(const struct patch *patch)
{
    struct table_entry *table = patch->table;
    for (uint64_t i = 1; i < patch->table_count; i++) {
        struct table_entry entry = table[i];
        uint64_t to = i;
        for (; to != 0 && table[to - 1].insn > entry.insn; to--)
            table[to] = table[to - 1];
        table[to] = entry;
    }
}

static struct table_entry *table_find(const struct patch *patch, const uint8_t *insn)
{
    for (uint64_t i = 0; i < patch->table_count; i++)
        if (patch->table[i].insn == (uint32_t)(uintptr_t)insn)
            return &patch->table[i];
    return NULL;
}

static bool is_doubtful(const struct patch *patch, const struct afterburn_site *site,
                        const struct table_entry *entry)
{
    return site->physical == patch->shadow ||
           ((site->flags & AFTERBURN_IN_TABLE) != 0 && entry == NULL) ||
           !encode_fits(site, at_physical(site->physical));
}

/* Where it is to be counted. */
static uint32_t *patch_site(const struct patch *patch, const struct afterburn_site *site)
{
    struct wedge_counts *counts = patch->counts;
    uint8_t *at = at_physical(site->physical);
    if (site->kind >= AFTERBURN_KINDS || (patch->place.data->kinds >> site->kind & 1) == 0)
        return &counts->native;
    bool known = site->reason != 0 && site->reason < AFTERBURN_REASONS;
    if ((site->flags & (AFTERBURN_EXCLUDED | AFTERBURN_NO_STACK)) != 0)
        return &counts->left[known ? site->reason : AFTERBURN_REASON_EARLY];
    struct table_entry *entry = table_find(patch, at);
    if (is_doubtful(patch, site, entry))
        return &counts->doubtful;
    struct stub stub = stub_make(&patch->place, at, site);
    if (stub.entry == NULL)
        return &counts->no_room;
    stub_jump(at, stub.entry, site->size);
    if (entry != NULL)
        entry->insn = (uint32_t)(uintptr_t)stub.copy;
    return &counts->patched[site->kind];
}

static void patch_sites(struct patch *patch, const struct afterburn_pack *pack)
{
    const struct afterburn_site *sites = pack_array(pack, pack->sites);
    uint64_t count = pack->sites.size / sizeof(*sites);
    table_rebase(patch, 1);
    for (uint64_t i = 0; i < count; i++) {
        ++*patch_site(patch, &sites[i]);
        if (sites[i].kind == AFTERBURN_STI)
            patch->shadow = sites[i].physical + sites[i].size;
    }
    patch->counts->sites = (uint32_t)count;
    table_sort(patch);
    table_rebase(patch, -1u);
}

static bool hook_function(const struct patch *patch, const struct afterburn_symbol *symbol)
{
    static const uint8_t hooks[AFTERBURN_SYMBOLS] = {
        [AFTERBURN_MODULE_FINALIZE] = SITE_HOOK_MODULE,
        [AFTERBURN_X2APIC_SEND_IPI_MASK] = SITE_HOOK_IPI,
        [AFTERBURN_X2APIC_SEND_IPI_MASK_BUT_US] = SITE_HOOK_IPI_BUT_US};
    const struct wedge_data *data = patch->place.data;
    uint8_t *at = at_physical(symbol->value + symbol->skip), hook = hooks[symbol->id];
    if (symbol->prologue < JUMP_SIZE || symbol->prologue > 64 || hook == 0 ||
        (hook == SITE_HOOK_MODULE ? data->kinds == 0 : (data->classes & WEDGE_IPI) == 0))
        return false;
    struct stub stub = stub_hook(&patch->place, at, symbol->prologue, hook);
    if (stub.entry != NULL)
        stub_jump(at, stub.entry, symbol->prologue);
    return stub.entry != NULL;
}

/* There may be two functions of a name: Linux has two drivers for the x2APIC. */
static void take_symbols(const struct patch *patch, const struct afterburn_pack *pack)
{
    const struct afterburn_symbol *symbols = pack_array(pack, pack->symbols);
    for (uint64_t i = 0; i < pack->symbols.size / sizeof(*symbols); i++) {
        if (symbols[i].id >= AFTERBURN_SYMBOLS)
            continue;
        patch->place.data->symbols[symbols[i].id] = symbols[i];
        if (hook_function(patch, &symbols[i]) && symbols[i].id == AFTERBURN_MODULE_FINALIZE)
            patch->counts->modules = true;
    }
}

static void place_data(const struct wedge_load *load, uint64_t resident)
{
    const struct afterburn_pack *pack = load->pack;
    struct wedge_data *data = load->data;
    data->kinds = load->kinds;
    data->link_offset = pack->link_offset;
    data->text_area = pack->text_area;
    data->stub_next = (uint32_t)(resident + 15) & ~15u;
    data->stub_end = (uint32_t)pack->text_area_size;
    data->counter_room =
        (uint32_t)((pack->data_area_size - sizeof(*data)) / sizeof(data->counters[0]));
    if (cpuid_is_hybrid())
        data->classes &= ~(uint32_t)WEDGE_CPUID;
}

const char *wedge_patch(struct wedge_load *load, struct wedge_counts *counts)
{
    const struct afterburn_pack *pack = load->pack;
    uint64_t resident = (uint64_t)(wedge_resident_end - wedge_resident_start);
    if (resident > pack->text_area_size || pack->text_area_size > INT32_MAX)
        return "the guest's text area is too small for the wedge; use this release's area.s";
    struct patch patch = {.place = {load->data, load->text},
                          .counts = counts,
                          .table = (void *)at_physical(pack->ex_table),
                          .table_count = pack->ex_table_size / sizeof(struct table_entry)};
    int64_t distance = (uint8_t *)load->data - load->text;
    memcpy(load->text, wedge_resident_start, resident);
    memcpy(load->text + (wedge_data_distance - wedge_resident_start), &distance, sizeof(distance));
    place_data(load, resident);
    patch_sites(&patch, pack);
    take_symbols(&patch, pack);
    counts->text_used = load->data->stub_next;
    return NULL;
}
