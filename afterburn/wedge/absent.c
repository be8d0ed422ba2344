/* SPDX-License-Identifier: Apache-2.0 */
/* Resident code calls mappings by name: these stand for the ones that are not in a wedge. */
#include "wedge.h"

#define CONSOLE(name)                                                                              \
    RESIDENT __attribute__((weak)) bool name(struct wedge_data *data, const char *text,            \
                                             unsigned length)                                      \
    {                                                                                              \
        (void)data, (void)text, (void)length;                                                      \
        return false;                                                                              \
    }
#define IPI(name)                                                                                  \
    RESIDENT __attribute__((weak)) bool name(struct wedge_data *data, uint8_t vector,              \
                                             const uint32_t *ids, unsigned count)                  \
    {                                                                                              \
        (void)data, (void)vector, (void)ids, (void)count;                                          \
        return false;                                                                              \
    }

CONSOLE(kvm_console)
CONSOLE(mullion_console)
CONSOLE(xen_console)
IPI(kvm_ipi)
IPI(mullion_ipi)

RESIDENT __attribute__((weak)) void count_access(struct wedge_data *data,
                                                 const struct wedge_regs *regs)
{
    (void)data, (void)regs;
}
