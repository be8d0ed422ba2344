/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the exit reasons, as statistics print them. */
#include "core/exits.h"

const char *exit_reason_name(enum exit_reason reason)
{
    static const char *const names[EXIT_CONTROL] = {
        [EXIT_ICR] = "icr",
        [EXIT_MSR] = "msr",
        [EXIT_PORT] = "port",
        [EXIT_IDLE] = "idle",
        [EXIT_VIRTIO] = "virtio",
        [EXIT_PCI] = "pci",
        [EXIT_CONSOLE] = "console",
        [EXIT_IOAPIC] = "ioapic",
        [EXIT_MEMORY] = "memory",
        [EXIT_STEP] = "step",
        [EXIT_KICK] = "kick",
        [EXIT_NMI] = "nmi",
        [EXIT_LOG_KEY] = "log-key",
        [EXIT_IRET] = "iret",
        [EXIT_DEBUG] = "debug",
        [EXIT_ALIGNMENT] = "alignment",
        [EXIT_SHUTDOWN] = "shutdown",
        [EXIT_VIRT] = "virt",
        [EXIT_HYPERCALL] = "hypercall",
        [EXIT_OTHER] = "other",
        [EXIT_EXCEPTION] = "exception",
    };
    if (reason >= EXIT_CONTROL)
        return control_event_name((enum control_event)(reason - EXIT_CONTROL));
    return names[reason];
}
