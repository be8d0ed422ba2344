/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the preludes record, what `afterburn pack` writes, what a wedge reads: the sites of a prepared
 * guest and the one module that carries it. Little-endian; offsets are from the pack's first byte.
 */
#pragma once

#include <stdint.h>

/* The records' section: not loaded, known to Linux's linker script, its tools and objtool. */
#define AFTERBURN_SECTION ".debug_sfnames"

/* One sensitive instruction with its padding, as the assembler wrote it (12 bytes). */
struct afterburn_record {
    int32_t site;    /* its first byte, as distance from this field */
    uint8_t size;    /* all of it, padding included */
    uint8_t before;  /* padding in front of the instruction: only `sti` has any */
    uint8_t length;  /* of the instruction itself */
    uint8_t kind;    /* enum afterburn_kind */
    uint8_t mode[2]; /* `inc %eax` as this code would have it: FF C0 64 bit, 40 32 bit, 66 40 16 bit */
    uint8_t zero[2];
};
_Static_assert(sizeof(struct afterburn_record) == 12, "afterburn_record");

/* Part of the format: a number keeps its meaning. */
enum afterburn_kind {
    AFTERBURN_NONE,
    AFTERBURN_CLI,
    AFTERBURN_STI,
    AFTERBURN_PUSHF,
    AFTERBURN_POPF,
    AFTERBURN_IRET,
    AFTERBURN_HLT,
    AFTERBURN_IN,
    AFTERBURN_OUT,
    AFTERBURN_INS,
    AFTERBURN_OUTS,
    AFTERBURN_CPUID,
    AFTERBURN_RDMSR,
    AFTERBURN_WRMSR,
    AFTERBURN_RDTSC,
    AFTERBURN_RDTSCP,
    AFTERBURN_RDPMC,
    AFTERBURN_CR_READ,
    AFTERBURN_CR_WRITE,
    AFTERBURN_DR_READ,
    AFTERBURN_DR_WRITE,
    AFTERBURN_TABLE_LOAD,  /* lgdt lidt lldt ltr */
    AFTERBURN_TABLE_STORE, /* sgdt sidt sldt str */
    AFTERBURN_MSW,         /* lmsw smsw clts */
    AFTERBURN_SEGMENT,     /* lar lsl verr verw, moves and pops of segment registers, lds .. lss */
    AFTERBURN_FAR,         /* ljmp lcall lret */
    AFTERBURN_INT,         /* int n */
    AFTERBURN_INVLPG,
    AFTERBURN_INVPCID,
    AFTERBURN_CACHE, /* invd wbinvd */
    AFTERBURN_SWAPGS,
    AFTERBURN_SYSRET, /* sysret sysexit rsm */
    AFTERBURN_XSETBV,
    AFTERBURN_VIRT, /* vmcall vmmcall vmrun .. */
    AFTERBURN_PAUSE,
    AFTERBURN_MONITOR,
    AFTERBURN_MWAIT,
    AFTERBURN_KINDS
};

#define AFTERBURN_MAGIC   "AFTRBURN"
#define AFTERBURN_VERSION 1u

enum afterburn_entry {
    AFTERBURN_ENTRY_PVH,    /* 32 bit, paging off, EBX: hvm_start_info */
    AFTERBURN_ENTRY_LINUX32 /* 32 bit, paging off, ESI: boot_params (Linux' 32-bit boot protocol) */
};

struct afterburn_range {
    uint64_t offset; /* of the first; in the pack */
    uint64_t size;   /* bytes of all */
};

/* The pack's first bytes. All addresses are guest-physical. */
struct afterburn_pack {
    char magic[8];
    uint32_t version;
    uint32_t header_size;
    uint64_t size;       /* of the whole pack */
    uint32_t checksum;   /* CRC-32 (as zlib's) of the whole pack with this field 0 */
    uint32_t entry_kind; /* enum afterburn_entry */
    uint64_t entry;
    int64_t link_offset;        /* the code's linked address less its physical one */
    uint64_t text_area;         /* for the wedge's code and stubs, in the guest's own text */
    uint64_t text_area_size;    /* 0: the guest has none, and stays as it is */
    uint64_t data_area;         /* for what the wedge writes at run time, in the guest's own data */
    uint64_t data_area_size;
    uint64_t ex_table;          /* Linux' __ex_table, 12 bytes an entry, sorted; 0: none */
    uint64_t ex_table_size;     /* bytes */
    struct afterburn_range segments; /* struct afterburn_segment */
    struct afterburn_range sites;    /* struct afterburn_site, by rising address */
    struct afterburn_range symbols;  /* struct afterburn_symbol */
    struct afterburn_range initrd;
    struct afterburn_range cmdline; /* without final NUL */
    char name[64];                  /* of the guest, for the wedge's line: "linux 6.1.176 small" */
};

/* MEMORY_SIZE bytes at PHYSICAL: FILE_SIZE bytes of the pack at OFFSET, then zeroes. */
struct afterburn_segment {
    uint64_t physical;
    uint64_t offset;
    uint64_t file_size;
    uint64_t memory_size;
};

enum afterburn_site_flags {
    AFTERBURN_EXCLUDED = 1 << 0, /* must stay as it is; the reason is in `reason` */
    AFTERBURN_NO_STACK = 1 << 1, /* entry or early code: nothing may be pushed there */
    AFTERBURN_IN_TABLE = 1 << 2  /* has an entry in __ex_table */
};

/* Why a site stays as it is; `afterburn report` says them in words. */
enum afterburn_reason {
    AFTERBURN_REASON_NONE,
    AFTERBURN_REASON_SECTION,  /* not in an executable section */
    AFTERBURN_REASON_TEMPLATE, /* .altinstr_replacement, optprobe_template: copied elsewhere */
    AFTERBURN_REASON_MODE,     /* 32- or 16-bit code */
    AFTERBURN_REASON_ENTRY,    /* .entry.text: all that page-table isolation leaves mapped */
    AFTERBURN_REASON_RIP,      /* an operand relative to RIP */
    AFTERBURN_REASON_MOVED,    /* code that is copied before it runs: relocate_kernel, wake-up */
    AFTERBURN_REASON_VDSO,
    AFTERBURN_REASON_EARLY, /* runs elsewhere than it is linked, or without a stack */
    AFTERBURN_REASON_SMALL, /* less than five bytes */
    AFTERBURN_REASON_FAR,   /* the text area is out of a jump's reach */
    AFTERBURN_REASONS
};

struct afterburn_site {
    uint64_t physical; /* of its first byte, padding included */
    uint8_t size, before, length, kind;
    uint8_t flags, reason;
    uint16_t zero;
};
_Static_assert(sizeof(struct afterburn_site) == 16, "afterburn_site");

/* What a wedge knows of a guest by name; all of it may be missing. */
enum afterburn_symbol_id {
    AFTERBURN_SYMBOL_NONE,
    AFTERBURN_MODULE_FINALIZE,             /* Linux: modules are relocated, and still writable */
    AFTERBURN_X2APIC_SEND_IPI_MASK,        /* (const struct cpumask *, int vector) */
    AFTERBURN_X2APIC_SEND_IPI_MASK_BUT_US, /* the same, all but the own CPU */
    AFTERBURN_PER_CPU_OFFSET,              /* unsigned long __per_cpu_offset[] */
    AFTERBURN_CPU_TO_APICID,               /* x86_cpu_to_apicid: offset in a CPU's area; size */
    AFTERBURN_CPU_NUMBER,                  /* cpu_number or pcpu_hot: offset in a CPU's area */
    AFTERBURN_SYMBOLS
};

struct afterburn_symbol {
    uint32_t id;    /* enum afterburn_symbol_id */
    uint32_t size;  /* a variable's; 0 of functions */
    uint64_t value; /* physical; of per-CPU variables the offset in a CPU's area */
    /* Of functions: whole instructions at VALUE + SKIP that can run elsewhere, at least 5 bytes;
     * 0: there are none, and the function cannot be hooked. */
    uint32_t skip, prologue;
};
