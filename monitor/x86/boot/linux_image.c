/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file a bzImage that can be entered in 64-bit mode (Documentation/arch/x86/boot)? */
#include "x86/boot/linux.h"

#include "x86/boot/space.h"

#define HEADER_OFFSET       offsetof(struct linux_setup, header)
#define DEFAULT_SETUP_SECTS 4u /* what 0 means */
#define MIN_HEADER_END      0x264u
#define MAX_ALIGNMENT       GIB

static const struct linux_setup *image_setup(const struct boot_module *kernel)
{
    return (const void *)(kernel->data + LINUX_SETUP_OFFSET);
}

bool linux_image_is(const struct boot_module *kernel)
{
    return kernel->size >= LINUX_SETUP_OFFSET + HEADER_OFFSET + sizeof(uint32_t) &&
           image_setup(kernel)->boot_flag == LINUX_BOOT_FLAG &&
           image_setup(kernel)->header == LINUX_MAGIC;
}

/* The 64-bit entry exists and the header's numbers make sense. */
static const char *image_check_setup(const struct linux_setup *setup)
{
    if (setup->version < LINUX_PROTOCOL_MIN)
        return "the kernel's boot protocol is older than 2.12; use Linux 3.8 or later";
    if ((setup->xloadflags & LINUX_XLF_KERNEL_64) == 0)
        return "a 32-bit kernel without 64-bit entry; use an x86-64 (amd64) kernel";
    if ((setup->loadflags & LINUX_LOADED_HIGH) == 0)
        return "a zImage, not a bzImage; build the kernel as bzImage";
    if (setup->jump_offset < MIN_HEADER_END - 0x202u)
        return "the kernel's setup header is damaged (it ends too early); copy the file again";
    uint64_t alignment = setup->kernel_alignment;
    if (alignment < PAGE_SIZE || alignment > MAX_ALIGNMENT || (alignment & (alignment - 1)) != 0)
        return "the kernel's setup header is damaged (kernel_alignment); copy the file again";
    if (setup->init_size == 0 || setup->pref_address >= BOOT_TOP)
        return "the kernel's setup header is damaged (init_size or pref_address); copy the file "
               "again";
    return NULL;
}

const char *linux_image_open(const struct boot_module *kernel, struct linux_image *image)
{
    static const char truncated[] = "the kernel file is truncated; copy it again";
    if (kernel->size < MIN_HEADER_END)
        return truncated;
    const struct linux_setup *setup = image_setup(kernel);
    const char *error = image_check_setup(setup);
    if (error != NULL)
        return error;

    uint64_t sects = setup->setup_sects != 0 ? setup->setup_sects : DEFAULT_SETUP_SECTS;
    uint64_t code_offset = (sects + 1) * LINUX_SECTOR;
    uint64_t code_size = setup->syssize * 16ull;
    if (code_offset > kernel->size || code_size > kernel->size - code_offset)
        return truncated;
    if (code_size <= LINUX_ENTRY_64)
        return "the kernel file holds no code; copy it again";

    uint64_t header_end = 0x202u + setup->jump_offset;
    if (header_end > LINUX_SETUP_OFFSET + LINUX_SETUP_SPACE)
        header_end = LINUX_SETUP_OFFSET + LINUX_SETUP_SPACE;
    image->setup = setup;
    image->setup_size = header_end - LINUX_SETUP_OFFSET;
    image->code = kernel->data + code_offset;
    image->code_size = code_size;
    image->load_size =
        align_up(setup->init_size > code_size ? setup->init_size : code_size, PAGE_SIZE);
    return NULL;
}
