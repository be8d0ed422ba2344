/* SPDX-License-Identifier: Apache-2.0 */
/* Why a guest was left. Each exit is counted once, per VM, core and reason, always. */
#pragma once

#include "core/controls.h"

enum exit_reason {
    EXIT_ICR, /* interrupt command: an IPI */
    EXIT_MSR, /* any other MSR that is not the guest's own */
    EXIT_PORT,
    EXIT_VIRTIO,    /* a port of a virtio device */
    EXIT_PCI,       /* PCI configuration */
    EXIT_CONSOLE,   /* a port of the VM's console */
    EXIT_IOAPIC,    /* the service VM's IO-APIC page */
    EXIT_MEMORY,    /* nested paging: an address that isn't the VM's */
    EXIT_STEP,      /* the end of a single step */
    EXIT_KICK,      /* NMI: another core asked */
    EXIT_NMI,       /* NMI: the guest's own */
    EXIT_LOG_KEY,   /* NMI: a key on the log port; caused by the one who looks */
    EXIT_IRET,      /* the end of a guest's NMI handler: the next may come */
    EXIT_DEBUG,     /* #DB, given back to the guest */
    EXIT_ALIGNMENT, /* #AC, likewise */
    EXIT_SHUTDOWN,  /* triple fault */
    EXIT_IDLE,      /* HLT or MWAIT of a core that is to be given away */
    EXIT_VIRT,      /* an instruction of SVM or VT-x */
    EXIT_HYPERCALL,
    EXIT_OTHER,
    EXIT_EXCEPTION, /* of a vector that is watched, given back to the guest */
    EXIT_CONTROL,   /* and from here on: what the controls watch, plus enum control_event */
    EXIT_INVD = EXIT_CONTROL + CONTROL_INVD, /* watched or not: these two leave it in any case */
    EXIT_CPUID = EXIT_CONTROL + CONTROL_CPUID,
    EXIT_REASONS = EXIT_CONTROL + CONTROL_EVENTS
};

const char *exit_reason_name(enum exit_reason reason);
