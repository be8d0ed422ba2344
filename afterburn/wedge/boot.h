/* SPDX-License-Identifier: Apache-2.0 */
/* The wedge's boot side: what the hypervisor hands over, and what the guest gets of it. */
#pragma once

#include "lib/string.h"
#include "wedge.h"

#define GIB          (1ull << 30)
#define PAGE         4096ull
#define MEMORY_MAX   128u  /* entries of the memory map; as many as boot_params can hold */
#define CMDLINE_SIZE 2048u /* Linux' own limit on x86 */
#define MEMORY_RAM   1u    /* as in the e820 map */

#define START_MAGIC 0x336ec578u

/* Xen's x86/HVM direct boot ABI (PVH), version 1. */
struct start_info {
    uint32_t magic, version, flags, module_count;    /* 00 */
    uint64_t module_list, cmdline, rsdp, memory_map; /* 10 */
    uint32_t memory_entries, reserved;               /* 30 */
};
_Static_assert(sizeof(struct start_info) == 0x38, "hvm_start_info");

struct start_module {
    uint64_t address, size, cmdline, reserved;
};

struct start_memory {
    uint64_t base, size;
    uint32_t type, reserved;
};
_Static_assert(sizeof(struct start_memory) == 0x18, "hvm_memmap_table_entry");

/*
 * Copies of all that is needed of the hypervisor's, before the guest overwrites it. They are in the
 * wedge's own memory, below 1 GiB: Linux' PVH entry maps no more when it reads the memory map.
 */
struct boot {
    struct start_info start; /* the guest's, when it is made */
    struct start_module initrd;
    struct start_memory memory[MEMORY_MAX];
    uint8_t params[PAGE];             /* boot_params, for Linux' 32-bit boot protocol */
    char cmdline[CMDLINE_SIZE];       /* the hypervisor's, for this boot */
    char guest_cmdline[CMDLINE_SIZE]; /* the pack's, a blank, and that */
    struct start_module pack;         /* the module */
};

struct segments {
    const struct afterburn_segment *first, *end;
};

static inline struct segments pack_segments(const struct afterburn_pack *pack)
{
    const struct afterburn_segment *first =
        (const void *)((const uint8_t *)pack + pack->segments.offset);
    return (struct segments){first, first + pack->segments.size / sizeof(*first)};
}

static inline const struct afterburn_pack *boot_pack(const struct boot *boot)
{
    return (const void *)(uintptr_t)boot->pack.address;
}

/* NULL or an error in words: read the hypervisor's information; make the guest's own. pvh.c */
const char *boot_read(struct boot *boot, const struct start_info *start);
const char *boot_write(struct boot *boot);
uint64_t boot_memory_top(const struct boot *boot); /* end of the RAM below 4 GiB */

/* NULL or an error in words: is the module of SIZE bytes a whole pack that fits together? pack.c */
const char *pack_check(const struct afterburn_pack *pack, uint64_t size);
uint32_t pack_checksum(const struct afterburn_pack *pack);

/*
 * Move the pack where the guest leaves it alone, its initrd page-aligned, and load the guest's
 * segments. WEDGE: the wedge's own memory. NULL, or an error in words; nothing was written then.
 */
struct place_range {
    uint64_t base, end;
};
const char *place_guest(struct boot *boot, struct place_range wedge); /* place.c */

/* FORMAT (lib/fmt.h) as a part of the wedge's line, which is sent when it ends; as an error to
 * return, valid until the next. print.c */
__attribute__((format(printf, 1, 2))) void wedge_print(const char *format, ...);
__attribute__((format(printf, 1, 2))) const char *wedge_error(const char *format, ...);
extern void (*wedge_sink)(const char *text, size_t length);

/* The mapping that detects its ground; NULL: it is none of this wedge's. select.c */
const struct wedge_mapping *select_mapping(void);
void select_print_known(void); /* the names of all that it has, for its line */

/* Leave long mode and jump to ENTRY, 32 bit, with these addresses in EBX and ESI. start.S */
_Noreturn void enter_guest(uint32_t entry, uint32_t start_info, uint32_t boot_params);
