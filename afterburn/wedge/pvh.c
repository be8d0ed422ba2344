/* SPDX-License-Identifier: Apache-2.0 */
/* PVH start information: the hypervisor's, read and kept; the guest's, made of it. */
#include "boot.h"

#define BOOT_PARAMS_MAGIC   0x53726448u /* "HdrS" */
#define BOOT_PROTOCOL       0x20fu
#define LOADER_UNREGISTERED 0xffu

static const void *at(uint64_t address)
{
    return (const void *)(uintptr_t)address;
}

const char *boot_read(struct boot *boot, const struct start_info *start)
{
    if (start->magic != START_MAGIC || start->version < 1 || start->memory_map == 0)
        return wedge_error(
            "no memory map in the start information (magic %x, version %u); boot the "
            "wedge by PVH version 1",
            start->magic, start->version);
    if (start->memory_entries > MEMORY_MAX)
        return wedge_error("the memory map has %u entries, and at most %u can be passed on",
                           start->memory_entries, MEMORY_MAX);
    boot->start = *start;
    memcpy(boot->memory, at(start->memory_map), start->memory_entries * sizeof(boot->memory[0]));
    boot->cmdline[0] = '\0';
    if (start->cmdline != 0) {
        const char *text = at(start->cmdline);
        if (strlen(text) >= sizeof(boot->cmdline))
            return wedge_error("the hypervisor's command line has %lu bytes; give it at most %lu",
                               strlen(text), sizeof(boot->cmdline) - 1);
        memcpy(boot->cmdline, text, strlen(text) + 1);
    }
    if (start->module_count == 0)
        return "there is no pack; give one to the hypervisor as the initrd (QEMU: -initrd FILE)";
    memcpy(&boot->pack, at(start->module_list), sizeof(boot->pack));
    if (boot->pack.address >= 4 * GIB || boot->pack.size > 4 * GIB - boot->pack.address)
        return wedge_error("the pack lies at %lx, beyond 4 GiB; give the machine less memory",
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

/* What a guest gets that is entered by Linux' 32-bit boot protocol. */
static void write_params(struct boot *boot)
{
    struct boot_params *params = &boot->params;
    memset(params, 0, sizeof(*params));
    params->magic = BOOT_PARAMS_MAGIC;
    params->version = BOOT_PROTOCOL;
    params->loader = LOADER_UNREGISTERED;
    params->rsdp = boot->start.rsdp;
    params->ramdisk = (uint32_t)boot->initrd.address;
    params->ramdisk_size = (uint32_t)boot->initrd.size;
    params->cmdline = (uint32_t)boot->start.cmdline;
    params->e820_entries = (uint8_t)boot->start.memory_entries;
    for (unsigned i = 0; i < boot->start.memory_entries; i++) {
        params->e820[i].base = boot->memory[i].base;
        params->e820[i].size = boot->memory[i].size;
        params->e820[i].type = boot->memory[i].type;
    }
}

const char *boot_write(struct boot *boot, const struct afterburn_pack *pack)
{
    const char *own = (const char *)pack + pack->cmdline.offset;
    uint64_t length = pack->cmdline.size, more = strlen(boot->cmdline);
    char *line = boot->guest_cmdline;
    if (length + 1 + more >= sizeof(boot->guest_cmdline))
        return wedge_error("the pack's command line and the hypervisor's have %lu bytes; at most "
                           "%lu can be passed on",
                           length + 1 + more, sizeof(boot->guest_cmdline) - 1);
    memcpy(line, own, length);
    if (length != 0 && more != 0)
        line[length++] = ' ';
    memcpy(line + length, boot->cmdline, more + 1);
    boot->initrd =
        (struct start_module){(uintptr_t)pack + pack->initrd.offset, pack->initrd.size, 0, 0};
    boot->start.cmdline = (uintptr_t)line;
    boot->start.memory_map = (uintptr_t)boot->memory;
    boot->start.module_list = (uintptr_t)&boot->initrd;
    boot->start.module_count = pack->initrd.size != 0;
    write_params(boot);
    return NULL;
}
