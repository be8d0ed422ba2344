/* SPDX-License-Identifier: Apache-2.0 */
/* The Linux loader: what the boot protocol says, and the errors. */
#include "boot_vm.h"

static const uint8_t payload[VM_SIZE]; /* some initrd */

/* Walk the guest's tables for ADDRESS, as the processor does. */
static uint64_t walk(const struct vm *vm, uint64_t root, uint64_t address)
{
    uint64_t table = root;
    for (unsigned shift = 39; shift > 21; shift -= 9) {
        uint64_t entry = ((uint64_t *)vm_at(vm, table, 4096))[address >> shift & 511];
        assert_int_equal(entry & 0x83, 3);
        table = entry & ~0xfffull;
    }
    uint64_t entry = ((uint64_t *)vm_at(vm, table, 4096))[address >> 21 & 511];
    assert_int_equal(entry & 0xfff, 0x83);
    return (entry & ~0x1fffffull) + (address & 0x1fffff);
}

static void linux_is_loaded_as_the_protocol_says(void **state)
{
    struct vm vm;
    struct guest_start start;
    uint8_t initrd[9000];
    (void)state;
    vm_open(&vm, VM_SIZE);
    vm.kernel = kernel_make();
    memset(initrd, 0x42, sizeof(initrd));
    vm.initrd = (struct boot_module){"initrd", initrd, sizeof(initrd)};
    vm.request.initrd = &vm.initrd;
    vm.request.firmware.rsdp = 0xe0000;
    assert_null(boot_check_kernel(&vm.kernel, sizeof(initrd), VM_SIZE));
    assert_null(boot_load(&vm.request, &start));

    assert_int_equal(start.entry, GUEST_ENTRY_LONG_MODE);
    assert_int_equal(start.rip.v, PREFERRED + 0x200);
    vm_expect(&vm, PREFERRED, vm.kernel.data + 5 * LINUX_SECTOR, CODE_SIZE);
    const struct linux_params *params = vm_at(&vm, start.argument.v, sizeof(*params));
    assert_int_equal(params->setup.header, LINUX_MAGIC);
    assert_int_equal(params->setup.type_of_loader, 0xff);
    assert_int_equal(params->setup.code32_start, PREFERRED);
    assert_int_equal(params->setup.ramdisk_size, sizeof(initrd));
    assert_int_equal(params->setup.ramdisk_image, align_down(VM_SIZE - sizeof(initrd), 4096));
    assert_int_equal(params->acpi_rsdp_addr, 0xe0000);
    assert_int_equal(params->screen.orig_video_type, 0);
    assert_int_equal(params->unused1e9[6], 0);
    assert_int_equal(params->e820_entries, vm.map.count);
    assert_memory_equal(params->e820, vm.map.entries, vm.map.count * 20);
    vm_expect(&vm, params->setup.ramdisk_image, initrd, sizeof(initrd));
    assert_string_equal(vm_at(&vm, params->setup.cmd_line_ptr, 14), "console=ttyS0");
    for (uint64_t at = 0; at < 4 * GIB; at += 37 * MIB + 4099)
        assert_int_equal(walk(&vm, start.cr3.v, at), at);
    assert_int_equal(walk(&vm, start.cr3.v, 4 * GIB - 1), 4 * GIB - 1);
    kernel_free(&vm.kernel);
    vm_close(&vm);
}

/* Bytes behind the setup header in the file (the jump says where it ends) don't get in. */
static void linux_copies_no_more_than_the_header(void **state)
{
    struct vm vm;
    struct guest_start start;
    (void)state;
    vm_open(&vm, VM_SIZE);
    vm.kernel = kernel_make();
    assert_null(boot_load(&vm.request, &start));
    const uint8_t *params = vm_at(&vm, start.argument.v, 4096);
    assert_int_equal(params[0x26b], vm.kernel.data[0x26b]);
    for (unsigned i = 0x26c; i < 0x2d0; i++)
        assert_int_equal(params[i], 0);
    kernel_setup(&vm.kernel)->jump_offset = 0xff;
    assert_null(boot_load(&vm.request, &start));
    params = vm_at(&vm, start.argument.v, 4096);
    assert_int_equal(params[0x28f], vm.kernel.data[0x28f]);
    for (unsigned i = 0x290; i < 0x2d0; i++)
        assert_int_equal(params[i], 0);
    kernel_free(&vm.kernel);
    vm_close(&vm);
}

static void linux_gets_the_framebuffer(void **state)
{
    struct vm vm;
    struct guest_start start;
    (void)state;
    vm_open(&vm, VM_SIZE);
    vm.kernel = kernel_make();
    vm.request.firmware.has_framebuffer = true;
    vm.request.firmware.framebuffer.base = 0x12e0000000;
    vm.request.firmware.framebuffer.width = 1920;
    vm.request.firmware.framebuffer.height = 1080;
    vm.request.firmware.framebuffer.pitch = 7680;
    vm.request.firmware.framebuffer.bits_per_pixel = 32;
    vm.request.firmware.framebuffer.red_pos = 16;
    assert_null(boot_load(&vm.request, &start));
    const struct linux_params *params = vm_at(&vm, start.argument.v, sizeof(*params));
    assert_int_equal(params->screen.orig_video_type, 0x23);
    assert_int_equal(params->screen.lfb_width, 1920);
    assert_int_equal(params->screen.lfb_linelength, 7680);
    assert_int_equal(params->screen.lfb_size, 127);
    assert_int_equal(params->screen.lfb_base, 0xe0000000);
    assert_int_equal(params->screen.ext_lfb_base, 0x12);
    assert_int_equal(params->screen.capabilities, LINUX_VIDEO_64);
    assert_int_equal(params->screen.red_pos, 16);
    kernel_free(&vm.kernel);
    vm_close(&vm);
}

static void linux_gets_efi(void **state)
{
    struct vm vm;
    struct guest_start start;
    (void)state;
    vm_open(&vm, VM_SIZE);
    vm.kernel = kernel_make();
    vm.request.firmware.efi.system_table = 0x123456789abc;
    vm.request.firmware.efi.map.v = 0x987654321000;
    vm.request.firmware.efi.map_size = 960;
    vm.request.firmware.efi.stride = 48;
    vm.request.firmware.efi.version = 1;
    assert_null(boot_load(&vm.request, &start));
    const uint8_t *params = vm_at(&vm, start.argument.v, 4096);
    const uint32_t expected[] = {0x34364c45, 0x56789abc, 48, 1, 0x54321000, 960, 0x1234, 0x9876};
    assert_memory_equal(params + 0x1c0, expected, sizeof(expected));
    kernel_free(&vm.kernel);
    vm_close(&vm);
}

static void linux_errors_say_what_is_wrong(void **state)
{
    struct boot_module kernel = kernel_make(), none = {"", (const uint8_t *)"", 0};
    struct linux_setup *setup = kernel_setup(&kernel), good = *setup;
    (void)state;
    setup->xloadflags = 0;
    expect_error(&kernel, 0, VM_SIZE, "32-bit");
    *setup = good;
    setup->version = 0x20b;
    expect_error(&kernel, 0, VM_SIZE, "older than 2.12");
    *setup = good;
    setup->loadflags = 0;
    expect_error(&kernel, 0, VM_SIZE, "zImage");
    *setup = good;
    setup->kernel_alignment = 0x300000;
    expect_error(&kernel, 0, VM_SIZE, "kernel_alignment");
    *setup = good;
    setup->jump_offset = 0x20;
    expect_error(&kernel, 0, VM_SIZE, "damaged");
    *setup = good;
    setup->syssize = 0x20;
    expect_error(&kernel, 0, VM_SIZE, "no code");
    *setup = good;
    setup->boot_flag = 0;
    expect_error(&kernel, 0, VM_SIZE, "not a kernel");
    *setup = good;
    expect_error(&kernel, 0, INIT_SIZE, "kernel is too large");
    expect_error(&kernel, VM_SIZE, VM_SIZE, "initrd is too large");
    expect_error(&kernel, UINT64_MAX, VM_SIZE, "initrd is too large");
    expect_error(&none, 0, VM_SIZE, "empty");
    kernel_free(&kernel);
}

static void linux_load_errors(void **state)
{
    struct vm vm;
    struct guest_start start;
    static char text[2100];
    (void)state;
    vm_open(&vm, VM_SIZE);
    vm.kernel = kernel_make();
    memset(text, 'x', 2048);
    vm.request.cmdline = text;
    expect_load_error(&vm, "command line is longer");
    text[2047] = '\0';
    assert_null(boot_load(&vm.request, &start));
    kernel_setup(&vm.kernel)->init_size = 20 * MIB;
    expect_load_error(&vm, "kernel does not fit");
    kernel_setup(&vm.kernel)->init_size = INIT_SIZE;
    vm.initrd = (struct boot_module){"initrd", payload, VM_SIZE - INIT_SIZE};
    vm.request.initrd = &vm.initrd;
    expect_load_error(&vm, "initrd does not fit");
    kernel_free(&vm.kernel);
    vm_close(&vm);
}

/* The size is in units of 16 bytes, and the file of memtest86+ ends inside the last one. */
static void linux_may_end_inside_its_last_unit(void **state)
{
    struct vm vm;
    struct guest_start start;
    (void)state;
    vm_open(&vm, VM_SIZE);
    vm.kernel = kernel_make();
    const uint8_t *code = vm.kernel.data + 5 * LINUX_SECTOR;
    for (uint64_t missing = 0; missing < 16; missing++) {
        vm.kernel.size = 5 * LINUX_SECTOR + CODE_SIZE - missing;
        memset(vm_at(&vm, PREFERRED, CODE_SIZE), 0, CODE_SIZE);
        assert_null(boot_load(&vm.request, &start));
        vm_expect(&vm, PREFERRED, code, CODE_SIZE - missing);
        const uint8_t none[16] = {0};
        vm_expect(&vm, PREFERRED + CODE_SIZE - missing, none, missing);
    }
    vm.kernel.size--;
    expect_load_error(&vm, "truncated");
    kernel_free(&vm.kernel);
    vm_close(&vm);
}

static void linux_moves_up_if_its_place_is_taken(void **state)
{
    struct vm vm;
    struct guest_start start;
    (void)state;
    vm_open(&vm, VM_SIZE);
    vm.kernel = kernel_make();
    assert_true(e820_set(&vm.map, 2 * MIB + 0x80000, 0x1000, E820_RESERVED));
    assert_null(boot_load(&vm.request, &start));
    assert_int_equal(start.rip.v, 4 * MIB + 0x200);
    kernel_setup(&vm.kernel)->relocatable_kernel = 0;
    expect_load_error(&vm, "kernel does not fit");
    kernel_free(&vm.kernel);
    vm_close(&vm);
}

/* The map may promise RAM that the VM has not (yet): then that is no place either. */
static void linux_moves_up_if_no_memory_is_there(void **state)
{
    struct vm vm;
    struct guest_start start;
    (void)state;
    vm_open(&vm, VM_SIZE);
    vm.kernel = kernel_make();
    vm.extents[0].size = 2 * MIB + 0x80000;
    assert_null(boot_load(&vm.request, &start));
    assert_int_equal(start.rip.v, VM_SIZE / 2 + 0x200);
    assert_int_equal(start.argument.v, 0x10000);
    kernel_free(&vm.kernel);
    vm_close(&vm);
}

static uint8_t *file_read(const char *path, uint64_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (uint64_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    assert_int_equal(fclose(file), 0);
    return data;
}

static void linux_of_debian_loads(void **state)
{
    struct vm vm;
    struct guest_start start;
    uint64_t size;
    (void)state;
    const char *path = getenv("MULLION_KERNEL"); /* check-unit fetches it and says where it is */
    assert_non_null(path);
    uint8_t *data = file_read(path, &size);
    assert_non_null(data);
    vm_open(&vm, 128 * MIB);
    vm.kernel = (struct boot_module){"vmlinuz", data, size};
    assert_null(boot_check_kernel(&vm.kernel, MIB, 128 * MIB));
    assert_null(boot_load(&vm.request, &start));
    assert_int_equal(start.rip.v, 16 * MIB + 0x200);
    expect_error(&vm.kernel, 0, 32 * MIB, "too large");
    vm.kernel.size -= 64 * KIB;
    expect_error(&vm.kernel, MIB, 128 * MIB, "truncated");
    free(data);
    vm_close(&vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linux_is_loaded_as_the_protocol_says),
        cmocka_unit_test(linux_copies_no_more_than_the_header),
        cmocka_unit_test(linux_may_end_inside_its_last_unit),
        cmocka_unit_test(linux_gets_the_framebuffer),
        cmocka_unit_test(linux_gets_efi),
        cmocka_unit_test(linux_errors_say_what_is_wrong),
        cmocka_unit_test(linux_load_errors),
        cmocka_unit_test(linux_moves_up_if_its_place_is_taken),
        cmocka_unit_test(linux_moves_up_if_no_memory_is_there),
        cmocka_unit_test(linux_of_debian_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
