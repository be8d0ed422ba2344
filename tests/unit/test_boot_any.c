/* SPDX-License-Identifier: Apache-2.0 */
/* The Linux loader with any file, any header and any memory map. */
#include "boot_vm.h"

static const uint8_t payload[VM_SIZE]; /* some initrd */
static uint64_t seed = 1;

static void linux_truncations_are_refused(void **state)
{
    struct boot_module kernel = kernel_make();
    uint64_t whole = kernel.size;
    (void)state;
    assert_null(boot_check_kernel(&kernel, 0, VM_SIZE));
    for (uint64_t size = 0; size < whole; size += size < 3000 ? 1 : 331) {
        uint8_t *copy = malloc(size != 0 ? size : 1); /* so that the sanitizer sees each byte */
        memcpy(copy, kernel.data, size);
        struct boot_module cut = {"cut", copy, size};
        const char *error = boot_check_kernel(&cut, 0, VM_SIZE);
        assert_non_null(error);
        assert_non_null(strstr(error, size < 0x206 ? "not a kernel" : "truncated"));
        free(copy);
    }
    kernel_free(&kernel);
}

struct piece {
    uint64_t base, size;
};

/* PIECES are RAM in the map and in fact, and don't overlap. */
static void expect_pieces(const struct vm *vm, const struct piece *pieces, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        bool inside = false;
        for (unsigned j = 0; j < vm->map.count; j++) {
            const struct e820_entry *entry = &vm->map.entries[j];
            inside |= entry->type == E820_RAM && pieces[i].base >= entry->base &&
                      pieces[i].base + pieces[i].size <= entry->base + entry->size;
        }
        assert_true(inside);
        for (unsigned j = 0; j < i; j++)
            assert_true(pieces[i].base >= pieces[j].base + pieces[j].size ||
                        pieces[j].base >= pieces[i].base + pieces[i].size);
    }
}

static bool piece_in_extents(const struct vm *vm, const struct piece *piece)
{
    for (uint64_t at = piece->base; at < piece->base + piece->size; at += 512) {
        if (guest_pointer(&vm->request.memory, (gpa_t){at}, 1) == NULL)
            return false;
    }
    return true;
}

/* Firmware in odd places, as the service VM has it: nothing lands on it or on something else. */
static void linux_stays_in_ram_of_any_map(void **state)
{
    struct vm vm;
    struct guest_start start;
    unsigned loaded = 0;
    (void)state;
    vm_open(&vm, VM_SIZE);
    vm.kernel = kernel_make();
    vm.request.initrd = &vm.initrd;
    for (unsigned round = 0; round < 400; round++) {
        vm.map.count = 0;
        assert_true(e820_set(&vm.map, 0, VM_SIZE, E820_RAM));
        for (unsigned i = 0; i < 8; i++)
            assert_true(e820_set(&vm.map, unit_random(&seed) % VM_SIZE, unit_random(&seed) % MIB,
                                 E820_RESERVED));
        vm.initrd = (struct boot_module){"initrd", payload, 1 + unit_random(&seed) % (4 * MIB)};
        vm.extents[1].gpa.v = VM_SIZE / 2 + unit_random(&seed) % 4 * MIB;
        vm.extents[1].size = VM_SIZE - vm.extents[1].gpa.v;
        if (boot_load(&vm.request, &start) != NULL)
            continue;
        loaded++;
        const struct linux_params *params = vm_at(&vm, start.argument.v, sizeof(*params));
        const uint64_t *root = vm_at(&vm, start.cr3.v, 4096);
        const uint64_t *gigabytes = vm_at(&vm, root[0] & ~0xfffull, 4096);
        struct piece pieces[] = {
            {start.rip.v - 0x200, INIT_SIZE},
            {start.argument.v, 4096},
            {params->setup.cmd_line_ptr, 14},
            {params->setup.ramdisk_image, params->setup.ramdisk_size},
            {start.cr3.v, 4096},
            {root[0] & ~0xfffull, 4096},
            {gigabytes[0] & ~0xfffull, 4096},
            {gigabytes[1] & ~0xfffull, 4096},
            {gigabytes[2] & ~0xfffull, 4096},
            {gigabytes[3] & ~0xfffull, 4096},
        };
        expect_pieces(&vm, pieces, ARRAY_SIZE(pieces));
        for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++)
            assert_true(piece_in_extents(&vm, &pieces[i]));
    }
    assert_in_range(loaded, 100, 400);
    kernel_free(&vm.kernel);
    vm_close(&vm);
}

static void linux_survives_any_header(void **state)
{
    struct vm vm;
    struct guest_start start;
    unsigned loaded = 0;
    (void)state;
    vm_open(&vm, VM_SIZE);
    vm.kernel = kernel_make();
    struct linux_setup *setup = kernel_setup(&vm.kernel), good = *setup;
    for (unsigned round = 0; round < 20000; round++) {
        *setup = good;
        for (uint64_t i = unit_random(&seed) % 4; i < 4; i++)
            ((uint8_t *)setup)[unit_random(&seed) % sizeof(*setup)] = (uint8_t)unit_random(&seed);
        (void)boot_check_kernel(&vm.kernel, 0, VM_SIZE);
        loaded += boot_load(&vm.request, &start) == NULL ? 1u : 0u;
    }
    assert_in_range(loaded, 100, 19900);
    kernel_free(&vm.kernel);
    vm_close(&vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linux_truncations_are_refused),
        cmocka_unit_test(linux_stays_in_ram_of_any_map),
        cmocka_unit_test(linux_survives_any_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
