/* SPDX-License-Identifier: Apache-2.0 */
/* Which protocol a kernel file has, and whether it can be started at all. */
#include "x86/boot/linux.h"
#include "x86/boot/pvh.h"

/* The low structures of either protocol: parameters, command line, page tables. */
#define BOOT_OVERHEAD MIB

/* What the kernel needs of the VM's memory; an initrd beside it must fit as well. */
static const char *check_memory(uint64_t kernel_size, uint64_t initrd_size, uint64_t memory_size)
{
    if (memory_size < BOOT_OVERHEAD || kernel_size > memory_size - BOOT_OVERHEAD)
        return "the kernel is too large for the memory; give the VM more memory";
    if (initrd_size > memory_size - BOOT_OVERHEAD - kernel_size)
        return "the initrd is too large for the memory; give the VM more memory or a smaller "
               "initrd";
    return NULL;
}

static const char *check_linux(const struct boot_module *kernel, uint64_t *size)
{
    struct linux_image image;
    const char *error = linux_image_open(kernel, &image);
    if (error == NULL)
        *size = image.load_size;
    return error;
}

static const char *not_a_kernel(const struct boot_module *kernel)
{
    return kernel->size == 0 ? "not a kernel: the file is empty; name a bzImage (vmlinuz)"
                             : "not a kernel: neither a bzImage nor an ELF file; name a bzImage "
                               "(vmlinuz) or an ELF kernel with a PVH note";
}

const char *boot_check_kernel(const struct boot_module *kernel, uint64_t initrd_size,
                              uint64_t memory_size)
{
    const char *error;
    uint64_t size = 0;
    if (linux_image_is(kernel))
        error = check_linux(kernel, &size);
    else if (pvh_image_is(kernel))
        error = pvh_check(kernel, &size);
    else
        error = not_a_kernel(kernel);
    return error != NULL ? error : check_memory(size, initrd_size, memory_size);
}

const char *boot_load(const struct boot_request *request, struct guest_start *start)
{
    if (linux_image_is(request->kernel))
        return linux_load(request, start);
    if (pvh_image_is(request->kernel))
        return pvh_load(request, start);
    return not_a_kernel(request->kernel);
}
