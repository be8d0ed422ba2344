/* SPDX-License-Identifier: Apache-2.0 */
/* The wedge's way through a boot: ground, pack, places, patches, and into the guest. */
#include "boot.h"

extern uint8_t wedge_start[], wedge_end[]; /* wedge.ld: all memory that this program uses */
_Noreturn void wedge_main(const struct start_info *start);

static const char *const kind_names[AFTERBURN_KINDS] = {[AFTERBURN_CLI] = "cli",
                                                        [AFTERBURN_STI] = "sti",
                                                        [AFTERBURN_PUSHF] = "pushf",
                                                        [AFTERBURN_POPF] = "popf",
                                                        [AFTERBURN_IRET] = "iret",
                                                        [AFTERBURN_HLT] = "hlt",
                                                        [AFTERBURN_IN] = "in",
                                                        [AFTERBURN_OUT] = "out",
                                                        [AFTERBURN_INS] = "ins",
                                                        [AFTERBURN_OUTS] = "outs",
                                                        [AFTERBURN_CPUID] = "cpuid",
                                                        [AFTERBURN_RDMSR] = "rdmsr",
                                                        [AFTERBURN_WRMSR] = "wrmsr",
                                                        [AFTERBURN_RDTSC] = "rdtsc",
                                                        [AFTERBURN_RDTSCP] = "rdtscp",
                                                        [AFTERBURN_RDPMC] = "rdpmc",
                                                        [AFTERBURN_CR_READ] = "cr-read",
                                                        [AFTERBURN_CR_WRITE] = "cr-write",
                                                        [AFTERBURN_DR_READ] = "dr-read",
                                                        [AFTERBURN_DR_WRITE] = "dr-write",
                                                        [AFTERBURN_TABLE_LOAD] = "table-load",
                                                        [AFTERBURN_TABLE_STORE] = "table-store",
                                                        [AFTERBURN_MSW] = "msw",
                                                        [AFTERBURN_SEGMENT] = "segment",
                                                        [AFTERBURN_FAR] = "far",
                                                        [AFTERBURN_INT] = "int",
                                                        [AFTERBURN_INVLPG] = "invlpg",
                                                        [AFTERBURN_INVPCID] = "invpcid",
                                                        [AFTERBURN_CACHE] = "cache",
                                                        [AFTERBURN_SWAPGS] = "swapgs",
                                                        [AFTERBURN_SYSRET] = "sysret",
                                                        [AFTERBURN_XSETBV] = "xsetbv",
                                                        [AFTERBURN_VIRT] = "virt",
                                                        [AFTERBURN_PAUSE] = "pause",
                                                        [AFTERBURN_MONITOR] = "monitor",
                                                        [AFTERBURN_MWAIT] = "mwait"};

static const char *const reason_names[AFTERBURN_REASONS] = {
    [AFTERBURN_REASON_SECTION] = "not code", [AFTERBURN_REASON_TEMPLATE] = "template",
    [AFTERBURN_REASON_MODE] = "32 bit",      [AFTERBURN_REASON_ENTRY] = "entry",
    [AFTERBURN_REASON_RIP] = "rip-relative", [AFTERBURN_REASON_MOVED] = "moved",
    [AFTERBURN_REASON_VDSO] = "vdso",        [AFTERBURN_REASON_EARLY] = "early",
    [AFTERBURN_REASON_SMALL] = "small",      [AFTERBURN_REASON_FAR] = "far"};

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
        wedge_print("%s%s %u", before, names[i] != NULL ? names[i] : "?", counts[i]);
        before = ", ";
    }
    wedge_print("%s", sum != 0 ? ")" : "");
}

static void print_counts(const struct wedge_load *load, const struct wedge_counts *counts)
{
    wedge_print(": %u sites", counts->sites);
    print_sums("patched", counts->patched, kind_names, AFTERBURN_KINDS);
    wedge_print(", %u native", counts->native);
    print_sums("excluded", counts->left, reason_names, AFTERBURN_REASONS);
    wedge_print(", %u in doubt, %u without room; modules %s; %u of %lu bytes of the text area\n",
                counts->doubtful, counts->no_room, counts->modules ? "hooked" : "not hooked",
                counts->text_used, load->pack->text_area_size);
}

/* The guest's segments are in place: patch them, or say why not. */
static void patch(const struct boot *boot, const struct wedge_mapping *mapping)
{
    static struct wedge_counts counts;
    const struct afterburn_pack *pack = (const void *)(uintptr_t)boot->pack.address;
    struct wedge_load load = {.pack = pack,
                              .data = (void *)(uintptr_t)pack->data_area,
                              .text = (uint8_t *)(uintptr_t)pack->text_area,
                              .memory_top = boot_memory_top(boot),
                              .cmdline = boot->cmdline};
    wedge_print("wedge: %s", pack->name);
    if (mapping == NULL) {
        wedge_print(" starts unpatched: unknown ground; this wedge is for");
        select_print_known();
        wedge_print("\n");
        return;
    }
    if (pack->text_area_size == 0) {
        wedge_print(" starts unpatched: it has no area for a wedge; link area.s into it\n");
        return;
    }
    if (pack->data_area_size < sizeof(struct wedge_data)) {
        wedge_print("\n");
        stop(wedge_error(
            "the guest's data area has %lu bytes, and %lu are needed; build it with the "
            "area.s of this release",
            pack->data_area_size, sizeof(struct wedge_data)));
    }
    memset(load.data, 0, pack->data_area_size);
    load.data->ground = mapping->ground;
    const char *error = mapping->start(&load);
    error = error != NULL ? error : wedge_patch(&load, &counts);
    wedge_print(" on %s", mapping->name);
    if (error != NULL) {
        wedge_print("\n");
        stop(error);
    }
    print_counts(&load, &counts);
}

_Noreturn void wedge_main(const struct start_info *start)
{
    static struct boot boot;
    const struct place_range self = {(uintptr_t)wedge_start, (uintptr_t)wedge_end};
    const struct wedge_mapping *mapping = select_mapping();
    wedge_sink = mapping != NULL ? mapping->print : wedge_print_com1;
    const char *error = boot_read(&boot, start);
    if (error == NULL)
        error = pack_check((const void *)(uintptr_t)boot.pack.address, boot.pack.size);
    if (error == NULL)
        error = place_guest(&boot, self);
    const struct afterburn_pack *pack = (const void *)(uintptr_t)boot.pack.address;
    if (error == NULL)
        error = boot_write(&boot, pack);
    if (error != NULL)
        stop(error);
    patch(&boot, mapping);
    enter_guest((uint32_t)pack->entry, pack->entry_kind == AFTERBURN_ENTRY_LINUX32
                                           ? (uint32_t)(uintptr_t)&boot.params
                                           : (uint32_t)(uintptr_t)&boot.start);
}
