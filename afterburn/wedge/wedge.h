/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the common part and the mappings share. A wedge is linked at a fixed physical address, where
 * the hypervisor loads and starts it; the part in sections .resident* is copied into the guest's
 * text area and runs there under whatever addresses the guest maps it: it is position independent,
 * has no writable data, no relocations, no tables of pointers, no SSE. What it writes is in struct
 * wedge_data, in the guest's data area.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mullion/afterburn.h"
#include "mullion/hypercall.h"

#define RESIDENT       __attribute__((section(".resident.text")))
#define RESIDENT_CONST __attribute__((section(".resident.rodata")))

#define WEDGE_CONSOLE_LINE 256u
#define WEDGE_CPUIDS       128u
#define WEDGE_MSRS         32u
#define WEDGE_PORT_RANGES  24u
#define WEDGE_CPUS         64u

enum wedge_ground { GROUND_UNKNOWN, GROUND_COUNT, GROUND_KVM, GROUND_XEN, GROUND_MULLION };

struct wedge_cpuid {
    uint64_t core; /* whose answer this is, by the base of its GDT; 0: all cores' */
    uint32_t leaf, subleaf, eax, ebx, ecx, edx;
};

struct wedge_msr {
    uint32_t index, valid;
    uint64_t value;
};

struct wedge_ports {
    uint16_t first, last;
};

/* A line that is not sent yet, and what the guest may be told of its UART without asking it. */
struct wedge_console {
    uint32_t lock;
    uint16_t port; /* of its data register; 0: none */
    uint16_t length;
    uint8_t status_reads;  /* reads of the line status that may still be answered here */
    uint8_t fcr, lcr, mcr; /* as last written */
    uint8_t msr;           /* console.c: while it is told .. */
    uint8_t empty;         /* .. that its transmitter is empty */
    bool iir_due;          /* console.c: the UART's own is to be read once */
    uint8_t ier;           /* as the UART has it */
    uint8_t ier_state;     /* console.c: is it known, and has the guest's 0 been kept back? */
    char line[WEDGE_CONSOLE_LINE];
};

/* Of the wedge `count`: one a site. */
struct wedge_counter {
    uint32_t count;
    uint32_t site; /* the low half of its address */
    uint32_t kind;
};

/* In the guest's data area, 8-byte aligned. The first 16 bytes are what a monitor may write. */
struct wedge_data {
    uint32_t trap;    /* enum wedge_class: leave these to the hypervisor; may change at any time */
    uint32_t version; /* of the hypervisor's wedge interface that both use */
    uint32_t ground;  /* enum wedge_ground */
    uint32_t classes; /* enum wedge_class that this wedge does here */
    struct wedge_console console;
    struct wedge_ports absent[WEDGE_PORT_RANGES];
    uint32_t absent_count;
    uint32_t cpuid_count; /* written after the entry it makes valid */
    uint32_t cpuid_void; /* no hypervisor leaves from here on: all answer as this one; 0: unknown */
    struct wedge_cpuid cpuids[WEDGE_CPUIDS];
    uint32_t msr_count;
    struct wedge_msr msrs[WEDGE_MSRS];
    uint32_t lock;      /* of the caches, the stubs, and modules */
    uint32_t stub_next; /* offset in the text area of the next stub */
    uint32_t stub_end;
    uint64_t hypercall; /* for the mapping: e.g. offset of Xen's hypercall page in the text area */
    struct afterburn_symbol symbols[AFTERBURN_SYMBOLS]; /* by id; id 0: the guest has none */
    int64_t link_offset;                                /* of the guest's code */
    uint64_t text_area;                                 /* physical */
    uint64_t kinds;                                     /* as in struct wedge_load */
    uint32_t module_sites, module_patched;              /* of modules, so far */
    uint32_t counter_count, counter_room;
    struct wedge_counter counters[];
};

/* Registers as a stub's common code saves them; a handler may change all but rsp. */
struct wedge_regs {
    uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t flags;
    uint64_t back; /* where the guest goes on */
    uint64_t site; /* the site word, below */
};

/* The site word, 31 bits: what a stub knows of its instruction. */
#define SITE_KIND(w)   ((w)&0xffu)
#define SITE_PORT(w)   ((w) >> 8 & 0xffu) /* if it is in the instruction */
#define SITE_PORT_DX   (1u << 16)
#define SITE_WIDTH(w)  (1u << ((w) >> 17 & 3)) /* bytes: 1, 2, 4 */
#define SITE_NUMBER(w) ((w) >> 19 & 0xfffu)    /* of the counter; GROUND_COUNT only */
#define SITE_NUMBERS   4096u

/* In the place of a kind: the start of one of the guest's functions. true: back to its caller. */
#define SITE_HOOK_MODULE     0xf0u
#define SITE_HOOK_IPI        0xf1u
#define SITE_HOOK_IPI_BUT_US 0xf2u

/* While the wedge loads: one core, 64 bit, the first 4 GiB mapped as they are. */
struct wedge_load {
    const struct afterburn_pack *pack;
    struct wedge_data *data; /* where it will be, by its physical address */
    uint8_t *text;           /* the text area, by its physical address */
    uint64_t kinds;          /* 1 << enum afterburn_kind: sites that get a stub */
    const char *cmdline;     /* the hypervisor's, for this boot */
};

/* While the wedge loads: adds the ports of the old PC's devices that are not here. */
void wedge_probe_absent(struct wedge_data *data); /* legacy.c */

/*
 * One hypervisor. detect: is this it (CPUID)? start: fill load->data and load->kinds, NULL or an
 * error in words. print: the wedge's own lines, before the guest runs. All three at load time.
 */
struct wedge_mapping {
    const char *name;
    enum wedge_ground ground;
    bool (*detect)(void);
    const char *(*start)(struct wedge_load *load);
    void (*print)(const char *text, size_t length);
};

extern const struct wedge_mapping mapping_count, mapping_kvm, mapping_xen, mapping_mullion;

/* For mappings whose console is a UART: print by COM1, if it is there. */
void wedge_print_com1(const char *text, size_t length); /* com1.c */

/* What wedge_patch has done, for the wedge's line. Each site of the pack is in one of these. */
struct wedge_counts {
    uint32_t sites;
    uint32_t patched[AFTERBURN_KINDS];
    uint32_t native;                  /* of a kind that this wedge has no stub for */
    uint32_t left[AFTERBURN_REASONS]; /* excluded by the pack, each with its reason */
    uint32_t doubtful;                /* in doubt: their bytes are not what the pack says */
    uint32_t no_room;                 /* the text area was full */
    uint32_t text_used;               /* bytes of the text area */
    bool modules;                     /* modules are patched when the guest loads them */
};

/*
 * Once, at load time: LOAD's segments are in place and its mapping has started. Copies the resident
 * part into the text area, makes stubs, patches sites. NULL, or an error in words. patch.c
 */
const char *wedge_patch(struct wedge_load *load, struct wedge_counts *counts);

/* The part that is copied into the text area, as one (wedge.ld). */
extern uint8_t wedge_resident_start[], wedge_resident_end[];

/*
 * At run time, in the guest: any context of its kernel, interrupts on or off, its stack, a few
 * hundred bytes of it; must not fault, wait for another core, or use FPU registers. true: done,
 * registers are as after the instruction. false: the stub executes the instruction itself.
 */
bool wedge_handle(struct wedge_regs *regs); /* runtime.c */
/* OFFSET of the UART's first port; MINE: do what can be done here, else only keep it in step. */
bool wedge_console_access(struct wedge_data *data, struct wedge_regs *regs, uint32_t offset,
                          bool mine);                                          /* console.c */
void wedge_console_flush(struct wedge_data *data);                             /* console.c */
bool wedge_cpuid(struct wedge_data *data, struct wedge_regs *regs);            /* cache.c */
bool wedge_rdmsr(struct wedge_data *data, struct wedge_regs *regs);            /* cache.c */
bool wedge_module(struct wedge_data *data, const struct wedge_regs *regs);     /* module.c */
bool wedge_ipi(struct wedge_data *data, struct wedge_regs *regs, bool but_us); /* ipi.c */
/* The mappings' parts at run time, called through a switch over data->ground. console: send LENGTH
 * bytes by one call; ipi: VECTOR to the cores with these x2APIC IDs by as few calls as can be. */
bool kvm_console(struct wedge_data *data, const char *text, unsigned length);
bool mullion_console(struct wedge_data *data, const char *text, unsigned length);
bool xen_console(struct wedge_data *data, const char *text, unsigned length);
bool kvm_ipi(struct wedge_data *data, uint8_t vector, const uint32_t *ids, unsigned count);
void mullion_follow(struct wedge_data *data); /* at each event: has the guest moved itself? */
bool mullion_ipi(struct wedge_data *data, uint8_t vector, const uint32_t *ids, unsigned count);
/* GROUND_COUNT, sites of kinds OUT and HLT: counts, and prints when the guest is about to end. */
bool count_access(struct wedge_data *data, const struct wedge_regs *regs);
/* Where this guest's struct wedge_data is, for code in the text area. */
struct wedge_data *wedge_data(void); /* runtime.S */
