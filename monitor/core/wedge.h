/* SPDX-License-Identifier: Apache-2.0 */
/* The wedge in a prepared guest, as the monitor knows it: what it must leave to us. No hardware. */
#pragma once

#include "core/controls.h"
#include "core/guest_memory.h"
#include "core/lock.h"
#include "mullion/hypercall.h"

struct wedge {
    struct lock lock;         /* guards all of it, and the reading of what `trap` depends on */
    _Atomic uint32_t version; /* of the interface, as granted; 0: there is no wedge */
    _Atomic uint32_t *trap;   /* in the guest's memory */
    uint16_t console;         /* the console's port, when it started */
    bool cpuids_changed;      /* since then: what it remembers may be wrong */
};

/* What becomes of a VM's ports. */
struct wedge_ports_now {
    uint16_t console; /* its UART's first one; 0: none */
    bool real;        /* what is not denied is the machine's: the service VM's */
};

/* The lock is held. HYPERCALL_WEDGE_START: the version granted; wedge_update follows. */
uint32_t wedge_start(struct wedge *wedge, const struct guest_memory *memory, gpa_t words,
                     uint32_t wanted, uint16_t console);
/* The VM has stopped. */
void wedge_forget(struct wedge *wedge);
/* CONTROLS or PORTS may be others than before. */
void wedge_update(struct wedge *wedge, const struct controls *controls,
                  struct wedge_ports_now ports, bool cpuids_changed);
