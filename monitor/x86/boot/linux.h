/* SPDX-License-Identifier: Apache-2.0 */
/* The Linux/x86 boot protocol: setup header and boot parameters (Documentation/arch/x86/boot). */
#pragma once

#include "x86/boot/guest.h"

#define LINUX_SETUP_OFFSET 0x1f1u /* of the setup header, in the file and in the parameters */
#define LINUX_SETUP_SPACE  0x9fu  /* bytes that the parameters have for it: 1F1h..28Fh */
#define LINUX_SECTOR       512u
#define LINUX_ENTRY_64     0x200u /* from the start of the protected-mode code */

#define LINUX_BOOT_FLAG    0xaa55u
#define LINUX_MAGIC        0x53726448u /* "HdrS" */
#define LINUX_PROTOCOL_MIN 0x020cu     /* 2.12: xloadflags */
#define LINUX_LOADER_OTHER 0xffu       /* type_of_loader: no id assigned */

#define LINUX_LOADED_HIGH   (1u << 0) /* loadflags */
#define LINUX_XLF_KERNEL_64 (1u << 0) /* xloadflags */

#define LINUX_VIDEO_VLFB 0x23u /* a linear framebuffer, set up before */
#define LINUX_VIDEO_64   2u    /* capabilities: ext_lfb_base holds the upper half */

#define LINUX_EFI_64 0x34364c45u /* "EL64": the firmware's code is 64 bit */

struct linux_setup {
    uint8_t setup_sects;        /* 1f1 */
    uint8_t unused1f2[2];       /* 1f2 */
    uint32_t syssize;           /* 1f4 in 16 bytes */
    uint8_t unused1f8[6];       /* 1f8 */
    uint16_t boot_flag;         /* 1fe */
    uint8_t jump;               /* 200 */
    uint8_t jump_offset;        /* 201: the header ends at 202h + this */
    uint32_t header;            /* 202 */
    uint16_t version;           /* 206 */
    uint8_t unused208[8];       /* 208 */
    uint8_t type_of_loader;     /* 210 */
    uint8_t loadflags;          /* 211 */
    uint8_t unused212[2];       /* 212 */
    uint32_t code32_start;      /* 214 */
    uint32_t ramdisk_image;     /* 218 */
    uint32_t ramdisk_size;      /* 21c */
    uint8_t unused220[8];       /* 220 */
    uint32_t cmd_line_ptr;      /* 228 */
    uint32_t initrd_addr_max;   /* 22c: the last byte that an initrd may use */
    uint32_t kernel_alignment;  /* 230 */
    uint8_t relocatable_kernel; /* 234 */
    uint8_t unused235;          /* 235 */
    uint16_t xloadflags;        /* 236 */
    uint32_t cmdline_size;      /* 238 without the final NUL */
    uint8_t unused23c[0x14];    /* 23c */
    uint64_t setup_data;        /* 250 */
    uint64_t pref_address;      /* 258 */
    uint32_t init_size;         /* 260: memory needed from the load address on */
} __attribute__((packed));
_Static_assert(sizeof(struct linux_setup) == 0x264 - LINUX_SETUP_OFFSET, "setup header");
_Static_assert(offsetof(struct linux_setup, xloadflags) == 0x236 - LINUX_SETUP_OFFSET, "2.12");

struct linux_screen {
    uint8_t orig[15];        /* 00 cursor and modes of a text screen */
    uint8_t orig_video_type; /* 0f */
    uint16_t unused10;       /* 10 */
    uint16_t lfb_width;      /* 12 */
    uint16_t lfb_height;     /* 14 */
    uint16_t lfb_depth;      /* 16 */
    uint32_t lfb_base;       /* 18 */
    uint32_t lfb_size;       /* 1c in 64 KiB */
    uint8_t unused20[4];     /* 20 */
    uint16_t lfb_linelength; /* 24 */
    uint8_t red_size;        /* 26 */
    uint8_t red_pos;         /* 27 */
    uint8_t green_size;      /* 28 */
    uint8_t green_pos;       /* 29 */
    uint8_t blue_size;       /* 2a */
    uint8_t blue_pos;        /* 2b */
    uint8_t unused2c[10];    /* 2c */
    uint32_t capabilities;   /* 36 */
    uint32_t ext_lfb_base;   /* 3a */
    uint8_t reserved[2];     /* 3e */
} __attribute__((packed));
_Static_assert(sizeof(struct linux_screen) == 0x40, "screen_info");

struct linux_efi {
    uint32_t signature;    /* 1c0 */
    uint32_t system_table; /* 1c4 */
    uint32_t stride;       /* 1c8 of the memory map */
    uint32_t version;      /* 1cc */
    uint32_t map;          /* 1d0 */
    uint32_t map_size;     /* 1d4 */
    uint32_t system_table_high;
    uint32_t map_high;
};
_Static_assert(sizeof(struct linux_efi) == 0x20, "efi_info");

struct linux_params {
    struct linux_screen screen;       /* 000 */
    uint8_t unused040[0x30];          /* 040 */
    uint64_t acpi_rsdp_addr;          /* 070 since 2.14 */
    uint8_t unused078[0x48];          /* 078 */
    uint32_t ext_ramdisk_image;       /* 0c0 upper halves */
    uint32_t ext_ramdisk_size;        /* 0c4 */
    uint32_t ext_cmd_line_ptr;        /* 0c8 */
    uint8_t unused0cc[0xf4];          /* 0cc */
    struct linux_efi efi;             /* 1c0 */
    uint8_t unused1e0[8];             /* 1e0 */
    uint8_t e820_entries;             /* 1e8 */
    uint8_t unused1e9[8];             /* 1e9, with the sentinel that must be 0 */
    struct linux_setup setup;         /* 1f1 */
    uint8_t unused264[0x6c];          /* 264 */
    struct e820_entry e820[E820_MAX]; /* 2d0: 128, as many as ours has */
    uint8_t unusedcd0[0x330];         /* cd0 */
} __attribute__((packed));
_Static_assert(sizeof(struct linux_params) == PAGE_SIZE, "boot parameters");
_Static_assert(offsetof(struct linux_params, acpi_rsdp_addr) == 0x70, "acpi_rsdp_addr");
_Static_assert(offsetof(struct linux_params, ext_cmd_line_ptr) == 0xc8, "ext_cmd_line_ptr");
_Static_assert(offsetof(struct linux_params, efi) == 0x1c0, "efi_info");
_Static_assert(offsetof(struct linux_params, e820_entries) == 0x1e8, "e820_entries");
_Static_assert(offsetof(struct linux_params, setup) == LINUX_SETUP_OFFSET, "setup");
_Static_assert(offsetof(struct linux_params, e820) == 0x2d0, "e820_table");
_Static_assert(sizeof(struct e820_entry) == 20, "e820 entry");
