/* SPDX-License-Identifier: Apache-2.0 */
/* The EFI memory map: who may use what, when the firmware's boot services have ended. */
#include "x86/boot/efi.h"

#include "lib/string.h"

#define STRIDE_MAX 256u
#define EFI_PAGE   4096u

/* UEFI 2.10, table 7.10: what a loader and the boot services had is free like any other RAM. */
enum efi_type {
    EFI_LOADER_CODE = 1,
    EFI_LOADER_DATA,
    EFI_BOOT_CODE,
    EFI_BOOT_DATA,
    EFI_CONVENTIONAL = 7,
};
#define EFI_WRITE_BACK (1ull << 3)

static bool is_ram(uint32_t type)
{
    return (type >= EFI_LOADER_CODE && type <= EFI_BOOT_DATA) || type == EFI_CONVENTIONAL;
}

bool efi_read_map(struct efi_firmware *efi, const void *map, uint64_t size, uint32_t stride,
                  uint32_t version)
{
    efi->count = 0;
    efi->stride = stride;
    efi->version = version;
    if (stride < sizeof(struct efi_descriptor) || stride > STRIDE_MAX)
        return false;
    for (uint64_t at = 0; size - at >= stride; at += stride) {
        struct efi_descriptor found;
        memcpy(&found, (const uint8_t *)map + at, sizeof(found));
        if (is_ram(found.type))
            continue;
        if (efi->count == EFI_KEPT_MAX) {
            efi->count = 0;
            return false;
        }
        efi->kept[efi->count++] = found;
    }
    return efi->count > 0;
}

/* Append one descriptor at *USED, or count it only if there is no room. */
static void write_one(const struct efi_firmware *efi, const struct efi_descriptor *descriptor,
                      uint8_t *buffer, size_t size, size_t *used)
{
    if (*used + efi->stride <= size) {
        memset(buffer + *used, 0, efi->stride);
        memcpy(buffer + *used, descriptor, sizeof(*descriptor));
    }
    *used += efi->stride;
}

size_t efi_write_map(const struct efi_firmware *efi, const struct e820_map *e820, uint8_t *buffer,
                     size_t size)
{
    size_t used = 0;
    if (efi->system_table == 0 || efi->count == 0)
        return 0;
    for (unsigned i = 0; i < efi->count; i++)
        write_one(efi, &efi->kept[i], buffer, size, &used);
    for (unsigned i = 0; i < e820->count; i++) {
        const struct e820_entry *entry = &e820->entries[i];
        struct efi_descriptor ram = {EFI_CONVENTIONAL, 0, entry->base, 0, entry->size / EFI_PAGE,
                                     EFI_WRITE_BACK};
        if (entry->type == E820_RAM && ram.pages > 0)
            write_one(efi, &ram, buffer, size, &used);
    }
    return used <= size ? used : 0;
}
