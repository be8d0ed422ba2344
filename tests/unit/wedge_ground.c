/* SPDX-License-Identifier: Apache-2.0 */
/* A mapping for the wedge's unit tests, resident as any other: its hypervisor is the test. */
#include "wedge_machine.h"

static RESIDENT struct machine_seen *where(const struct wedge_data *data)
{
    return (struct machine_seen *)(uintptr_t)data->hypercall;
}

RESIDENT bool kvm_console(struct wedge_data *data, const char *text, unsigned length)
{
    struct machine_seen *to = where(data);
    if (to->refuse)
        return false;
    to->calls++;
    if (to->sends_by_uart) {
        to->edges += to->uart.empty == 0 && (to->uart.ier & 2) != 0;
        to->uart.empty = 1;
    }
    for (unsigned i = 0; i < length; i++)
        to->text[__atomic_fetch_add(&to->length, 1, __ATOMIC_RELAXED) % sizeof(to->text)] =
            ((const volatile char *)text)[i];
    return true;
}

RESIDENT bool kvm_ipi(struct wedge_data *data, uint8_t vector, const uint32_t *ids, unsigned count)
{
    struct machine_seen *to = where(data);
    to->ipi_calls++;
    to->vector = vector;
    to->id_count = count;
    for (unsigned i = 0; i < count; i++)
        to->ids[i] = ((const volatile uint32_t *)ids)[i];
    return !to->refuse;
}
