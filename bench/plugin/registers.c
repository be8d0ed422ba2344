/* SPDX-License-Identifier: Apache-2.0 */
/* Registers and memory of the processor that a callback comes from. */
#include "count.h"

#include <stdlib.h>
#include <string.h>

static struct {
    struct qemu_plugin_register *rax, *rcx;
    struct byte_array *buffer;
} known[MAX_PROCESSORS];

/* In the first callback, not at the start: with one thread for all, QEMU has no processor then. */
static void find(unsigned cpu)
{
    struct array *all = qemu_plugin_get_registers();
    const struct register_description *description = (const void *)all->data;

    known[cpu].buffer = g_byte_array_new();
    for (unsigned i = 0; i < all->count; i++) {
        if (strcmp(description[i].name, "rax") == 0)
            known[cpu].rax = description[i].handle;
        if (strcmp(description[i].name, "rcx") == 0)
            known[cpu].rcx = description[i].handle;
    }
}

static uint64_t number(const struct byte_array *bytes, size_t size)
{
    uint64_t value = 0;

    memcpy(&value, bytes->data, size < bytes->size ? size : bytes->size);
    return value;
}

/* An empty buffer to read into. */
static struct byte_array *prepare(unsigned cpu)
{
    if (!known[cpu].buffer)
        find(cpu);
    return g_byte_array_set_size(known[cpu].buffer, 0);
}

static uint64_t register_read(struct byte_array *buffer, struct qemu_plugin_register *handle)
{
    if (!handle || qemu_plugin_read_register(handle, buffer) <= 0)
        abort();
    return number(buffer, sizeof(uint64_t));
}

uint64_t register_rax(unsigned cpu)
{
    struct byte_array *buffer = prepare(cpu);

    return register_read(buffer, known[cpu].rax);
}

uint64_t register_rcx(unsigned cpu)
{
    struct byte_array *buffer = prepare(cpu);

    return register_read(buffer, known[cpu].rcx);
}

uint64_t memory_read(unsigned cpu, uint64_t address, size_t size)
{
    struct byte_array *buffer = prepare(cpu);

    if (!qemu_plugin_read_memory_vaddr(address, buffer, size))
        abort();
    return number(buffer, size);
}
