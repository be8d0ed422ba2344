/* SPDX-License-Identifier: Apache-2.0 */
/* The wedge's way through a boot: ground, pack, places, patches, and into the guest. */
#include "boot.h"
#include "format/format.h"

extern uint8_t wedge_start[], wedge_end[]; /* wedge.ld: all memory that this program uses */
_Noreturn void wedge_main(const struct start_info *start);

static const char *const reason_names[] = {"?",     "section", "template", "mode",  "entry", "rip",
                                           "moved", "vdso",    "early",    "small", "far"};
_Static_assert(sizeof(reason_names) == AFTERBURN_REASONS * sizeof(char *),
               "a name for each reason");

static _Noreturn void stop(const char *error)
{
    wedge_print("wedge: %s\n", error);
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* "310 patched (in 120, out 190)": the sum, and what it is made of. */
static void print_sums(const char *what, const uint32_t *counts, const char *const *names,
                       unsigned all)
{
    const char *before = " (";
    uint32_t sum = 0;
    for (unsigned i = 0; i < all; i++)
        sum += counts[i];
    wedge_print(", %u %s", sum, what);
    for (unsigned i = 0; i < all; i++) {
        if (counts[i] == 0)
            continue;
        wedge_print("%s%s %u", before, names[i], counts[i]);
        before = ", ";
    }
    wedge_print(sum != 0 ? ")" : "");
}

static void print_counts(const struct wedge_load *load, const char *ground,
                         const struct wedge_counts *counts)
{
    wedge_print("wedge: %s on %s: %u sites", load->pack->name, ground, counts->sites);
    print_sums("patched", counts->patched, kind_names, AFTERBURN_KINDS);
    wedge_print(", %u native", counts->native);
    print_sums("excluded", counts->left, reason_names, AFTERBURN_REASONS);
    wedge_print(", %u in doubt, %u without room; modules %s; %u of %lu bytes of the text area\n",
                counts->doubtful, counts->no_room, counts->modules ? "hooked" : "not hooked",
                counts->text_used, load->pack->text_area_size);
}

/* Patch the guest, whose segments are in place. Returns what is wrong with it. */
static const char *patch(struct wedge_load *load, const struct wedge_mapping *mapping)
{
    static struct wedge_counts counts;
    if (load->pack->data_area_size < sizeof(struct wedge_data))
        return wedge_error("the guest's data area has %lu bytes, and %lu are needed; build it with "
                           "the area.s of this release",
                           load->pack->data_area_size, sizeof(struct wedge_data));
    memset(load->data, 0, load->pack->data_area_size);
    load->data->ground = mapping->ground;
    const char *error = mapping->start(load) ?: wedge_patch(load, &counts);
    if (error == NULL)
        print_counts(load, mapping->name, &counts);
    return error;
}

/* All that can go wrong before the guest runs. */
static const char *prepare(struct boot *boot, const struct start_info *start,
                           const struct wedge_mapping *mapping)
{
    const struct place_range self = {(uintptr_t)wedge_start, (uintptr_t)wedge_end};
    const char *error = boot_read(boot, start)
                            ?: pack_check(boot_pack(boot), boot->pack.size)
                            ?: place_guest(boot, self)
                            ?: boot_write(boot);
    if (error != NULL)
        return error;
    const struct afterburn_pack *pack = boot_pack(boot);
    struct wedge_load load = {.pack = pack,
                              .data = (void *)(uintptr_t)pack->data_area,
                              .text = (uint8_t *)(uintptr_t)pack->text_area,
                              .cmdline = boot->cmdline};
    if (pack->text_area_size == 0) {
        wedge_print("wedge: %s starts unpatched: it has no area for a wedge; link area.s into it\n",
                    pack->name);
    } else if (mapping == NULL) {
        wedge_print("wedge: %s starts unpatched: unknown ground; this wedge is for", pack->name);
        select_print_known();
        wedge_print("\n");
    } else {
        error = patch(&load, mapping);
    }
    return error;
}

_Noreturn void wedge_main(const struct start_info *start)
{
    static struct boot boot;
    const struct wedge_mapping *mapping = select_mapping();
    wedge_sink = mapping != NULL ? mapping->print : wedge_print_com1;
    const char *error = prepare(&boot, start, mapping);
    if (error != NULL)
        stop(error);
    const struct afterburn_pack *pack = boot_pack(&boot);
    bool pvh = pack->entry_kind == AFTERBURN_ENTRY_PVH;
    enter_guest((uint32_t)pack->entry, pvh ? (uint32_t)(uintptr_t)&boot.start : 0,
                (uint32_t)(uintptr_t)boot.params);
}
