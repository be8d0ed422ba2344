/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's memory and a kernel made by hand, for the tests of the boot interface. */
#pragma once

#include "unit.h"
#include "x86/boot/guest.h"
#include "x86/boot/linux.h"

#define VM_SIZE   (16 * MIB)
#define CODE_SIZE (64 * KIB)
#define PREFERRED (2 * MIB)
#define INIT_SIZE MIB

/* A VM with RAM in two extents, whose host addresses are in the opposite order. */
struct vm {
    uint8_t *ram;
    uint64_t size;
    struct place_extent extents[2];
    struct e820_map map;
    struct boot_module kernel, initrd;
    struct boot_request request;
};

static inline void vm_open(struct vm *vm, uint64_t size)
{
    uint64_t half = size / 2;
    memset(vm, 0, sizeof(*vm));
    vm->ram = malloc(size);
    assert_non_null(vm->ram);
    memset(vm->ram, 0xa5, size);
    vm->size = size;
    vm->extents[0] = (struct place_extent){{(uintptr_t)vm->ram + half}, {0}, half, 0};
    vm->extents[1] = (struct place_extent){{(uintptr_t)vm->ram}, {half}, half, 0};
    assert_true(e820_set(&vm->map, 0, 0x9f000, E820_RAM));
    assert_true(e820_set(&vm->map, 0xe0000, 0x20000, E820_RESERVED));
    assert_true(e820_set(&vm->map, MIB, size - MIB, E820_RAM));
    vm->request.memory = (struct guest_memory){vm->extents, 2, NULL};
    vm->request.e820 = &vm->map;
    vm->request.kernel = &vm->kernel;
    vm->request.cmdline = "console=ttyS0";
}

static inline void vm_close(struct vm *vm)
{
    free(vm->ram);
}

static inline void *vm_at(const struct vm *vm, uint64_t gpa, uint64_t size)
{
    void *pointer = guest_pointer(&vm->request.memory, (gpa_t){gpa}, size);
    assert_non_null(pointer);
    return pointer;
}

/* Compare byte by byte through the extents. */
static inline void vm_expect(const struct vm *vm, uint64_t gpa, const uint8_t *data, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal(*(uint8_t *)vm_at(vm, gpa + i, 1), data[i]);
}

/* A kernel of the shape that Linux has: a header in sector 0 and 1, three more, then code. */
static inline struct boot_module kernel_make(void)
{
    uint64_t size = 5 * LINUX_SECTOR + CODE_SIZE;
    uint8_t *data = malloc(size);
    assert_non_null(data);
    for (uint64_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    struct linux_setup *setup = (void *)(data + LINUX_SETUP_OFFSET);
    memset(setup, 0, sizeof(*setup));
    setup->setup_sects = 4;
    setup->syssize = CODE_SIZE / 16;
    setup->boot_flag = LINUX_BOOT_FLAG;
    setup->jump = 0xeb;
    setup->jump_offset = 0x6a;
    setup->header = LINUX_MAGIC;
    setup->version = 0x20f;
    setup->loadflags = LINUX_LOADED_HIGH;
    setup->initrd_addr_max = 0x7fffffff;
    setup->kernel_alignment = 2 * MIB;
    setup->relocatable_kernel = 1;
    setup->xloadflags = LINUX_XLF_KERNEL_64;
    setup->cmdline_size = 2047;
    setup->pref_address = PREFERRED;
    setup->init_size = INIT_SIZE;
    return (struct boot_module){"vmlinuz", data, size};
}

static inline struct linux_setup *kernel_setup(const struct boot_module *kernel)
{
    return (void *)(uintptr_t)(kernel->data + LINUX_SETUP_OFFSET);
}

static inline void kernel_free(struct boot_module *kernel)
{
    free((void *)(uintptr_t)kernel->data);
}

static inline void expect_error(const struct boot_module *kernel, uint64_t initrd, uint64_t memory,
                                const char *words)
{
    const char *error = boot_check_kernel(kernel, initrd, memory);
    assert_non_null(error);
    if (strstr(error, words) == NULL)
        fail_msg("expected \"%s\" in: %s", words, error);
}

static inline void expect_load_error(struct vm *vm, const char *words)
{
    struct guest_start start;
    const char *error = boot_load(&vm->request, &start);
    assert_non_null(error);
    if (strstr(error, words) == NULL)
        fail_msg("expected \"%s\" in: %s", words, error);
}
