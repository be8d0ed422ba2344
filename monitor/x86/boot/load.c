/* SPDX-License-Identifier: Apache-2.0 */
/* Which protocol a kernel file has, and whether it can be started at all. */
#include "x86/boot/load.h"

/* The low structures of either protocol: parameters, command line, page tables. */
#define BOOT_OVERHEAD MIB

static const char *not_a_kernel(const struct boot_module *kernel)
{
    return kernel->size == 0 ? "not a kernel: the file is empty; name a bzImage (vmlinuz)"
                             : "not a kernel: neither a bzImage nor an ELF file; name a bzImage "
                               "(vmlinuz) or an ELF kernel with a PVH note";
}

const char *boot_check_kernel(const struct boot_module *kernel, uint64_t initrd_size,
                              uint64_t memory_size)
{
    uint64_t size = 0;
    const char *error = linux_is(kernel) ? linux_check(kernel, &size)
                        : elf_is(kernel) ? pvh_check(kernel, &size)
                                         : not_a_kernel(kernel);
    if (error != NULL)
        return error;
    if (memory_size < BOOT_OVERHEAD || size > memory_size - BOOT_OVERHEAD)
        return "the kernel is too large for the memory; give the VM more memory";
    if (initrd_size > memory_size - BOOT_OVERHEAD - size)
        return "the initrd is too large for the memory; give the VM more memory or a smaller "
               "initrd";
    return NULL;
}

const char *boot_load(const struct boot_request *request, struct guest_start *start)
{
    return linux_is(request->kernel) ? linux_load(request, start)
           : elf_is(request->kernel) ? pvh_load(request, start)
                                     : not_a_kernel(request->kernel);
}
