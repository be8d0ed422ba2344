/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypercalls of Mullion: at most six, ever. They are for a wedge, which works in a prepared
 * guest. VMMCALL (SVM) or VMCALL (VT-x) in ring 0; number in EAX, arguments in RDI, RSI, RDX, the
 * result in RAX; START has a second one in RDX. All else is as it was. What a VM may not call, or
 * not yet, is #UD.
 */
#pragma once

#include <stdint.h>

enum hypercall {
    /* The version of the interface that is wanted, the address of struct wedge_words. RAX: the
     * version granted, 0: none; RDX: the first port of the console's UART, 0: there is none. What
     * was started before is forgotten, as when the VM restarts. */
    HYPERCALL_WEDGE_START,
    /* Address, length up to HYPERCALL_CONSOLE_MOST: as if written to the UART one by one. RAX: how
     * many; it ends behind a line's end, or where the address is not RAM; 0: write to the UART. */
    HYPERCALL_CONSOLE_WRITE,
    /* Vector, an x2APIC ID, 64 bits for the IDs from there on: a fixed interrupt to each. RAX: the
     * bits of those to which none was sent. From version 2 on. */
    HYPERCALL_SEND_IPI,
};

#define HYPERCALL_VERSION      2u /* the newest; all before it are still served */
#define HYPERCALL_VERSION_IPI  2u
#define HYPERCALL_CONSOLE_MOST 256u

/* What a wedge does itself, and what a hypervisor may take back while the guest runs (`trap`). */
enum wedge_class {
    WEDGE_CONSOLE = 1 << 0, /* the UART at its port of the start */
    WEDGE_DELAY = 1 << 1,   /* writes to port 80h */
    WEDGE_ABSENT = 1 << 2,  /* ports of devices that are not there */
    WEDGE_CPUID = 1 << 3,
    WEDGE_IPI = 1 << 4,
    WEDGE_RDMSR = 1 << 5,
    WEDGE_MODULES = 1 << 6 /* modules are patched, which writes CR0 */
};

/*
 * Guest-physical addresses here are RAM that the VM was made with; of these words a multiple of 8.
 * The monitor writes `trap`, at START and whenever what it says changes, and nothing else.
 */
struct wedge_words {
    uint32_t trap; /* enum wedge_class: leave these to the hypervisor; may change at any time */
    uint32_t version, ground, classes; /* the wedge's own */
};
