/* SPDX-License-Identifier: Apache-2.0 */
/* PVH start information: the hypervisor's, read and kept; the guest's, made of it. */
#include "boot.h"

#define E820_SIZE 20u /* of an entry in boot_params */

static const void *at(uint64_t address)
{
    return (const void *)(uintptr_t)address;
}

const char *boot_read(struct boot *boot, const struct start_info *start)
{
    const char *text = start->cmdline != 0 ? at(start->cmdline) : "";
    if (start->magic != START_MAGIC || start->version < 1 || start->memory_map == 0)
        return wedge_error("the start information (magic %x, version %u) has no memory map; boot "
                           "the wedge by PVH version 1",
                           start->magic, start->version);
    if (start->memory_entries > MEMORY_MAX)
        return wedge_error("the memory map has %u entries; at most %u can be passed on",
                           start->memory_entries, MEMORY_MAX);
    if (strlen(text) >= sizeof(boot->cmdline))
        return wedge_error("the command line has %lu bytes; shorten it to %lu", strlen(text),
                           sizeof(boot->cmdline) - 1);
    if (start->module_count == 0)
        return "there is no pack; give one to the hypervisor as initrd (QEMU: -initrd FILE)";
    boot->start = *start;
    memcpy(boot->memory, at(start->memory_map), start->memory_entries * sizeof(boot->memory[0]));
    memcpy(boot->cmdline, text, strlen(text) + 1);
    memcpy(&boot->pack, at(start->module_list), sizeof(boot->pack));
    if (boot->pack.address >= 4 * GIB || boot->pack.size > 4 * GIB - boot->pack.address)
        return wedge_error("the pack is at %lx, beyond 4 GiB; give the machine less memory",
                           boot->pack.address);
    return NULL;
}

uint64_t boot_memory_top(const struct boot *boot)
{
    uint64_t top = 0;
    for (unsigned i = 0; i < boot->start.memory_entries; i++) {
        const struct start_memory *entry = &boot->memory[i];
        uint64_t end = entry->base + entry->size;
        if (entry->type == MEMORY_RAM && entry->base < 4 * GIB && end > top)
            top = end < 4 * GIB ? end : 4 * GIB;
    }
    return top;
}

/* One field of Linux' boot_params (Documentation/arch/x86/zero-page.rst, boot.rst). */
static void put(struct boot *boot, unsigned offset, uint64_t value, unsigned size)
{
    memcpy(boot->params + offset, &value, size);
}

/* What a guest gets that is entered by Linux' 32-bit boot protocol. */
static void write_params(struct boot *boot)
{
    memset(boot->params, 0, sizeof(boot->params));
    put(boot, 0x070, boot->start.rsdp, 8);
    put(boot, 0x1e8, boot->start.memory_entries, 1);
    put(boot, 0x202, 0x020f53726448, 6); /* "HdrS", and the protocol's version */
    put(boot, 0x210, 0xff, 1);           /* a loader without a number of its own */
    put(boot, 0x218, boot->initrd.address, 4);
    put(boot, 0x21c, boot->initrd.size, 4);
    put(boot, 0x228, boot->start.cmdline, 4);
    for (unsigned i = 0; i < boot->start.memory_entries; i++)
        memcpy(boot->params + 0x2d0 + i * E820_SIZE, &boot->memory[i], E820_SIZE);
}

const char *boot_write(struct boot *boot)
{
    const struct afterburn_pack *pack = boot_pack(boot);
    uint64_t length = pack->cmdline.size, more = strlen(boot->cmdline);
    char *line = boot->guest_cmdline;
    if (length >= CMDLINE_SIZE || length + 1 + more >= CMDLINE_SIZE)
        return wedge_error("the pack's command line has %lu bytes, the hypervisor's %lu; shorten "
                           "them to %u",
                           length, more, CMDLINE_SIZE - 2);
    memcpy(line, (const char *)pack + pack->cmdline.offset, length);
    if (length != 0 && more != 0)
        line[length++] = ' ';
    memcpy(line + length, boot->cmdline, more + 1);
    boot->initrd = (struct start_module){.address = (uintptr_t)pack + pack->initrd.offset,
                                         .size = pack->initrd.size};
    boot->start.cmdline = (uintptr_t)line;
    boot->start.memory_map = (uintptr_t)boot->memory;
    boot->start.module_list = (uintptr_t)&boot->initrd;
    boot->start.module_count = pack->initrd.size != 0;
    write_params(boot);
    return NULL;
}
