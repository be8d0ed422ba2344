/* SPDX-License-Identifier: Apache-2.0 */
/* ELF kernels with a PVH note: loading, and files that hold anything. */
#include "unit.h"

#include <elf.h>

#include "x86/boot/guest.h"

#define VM_SIZE   (4 * MIB)
#define FILE_SIZE 2048u
#define TEXT_AT   0x200u /* in the file */
#define TEXT_SIZE 0x300u
#define DATA_AT   0x500u
#define DATA_SIZE 0x80u
#define BSS_SIZE  0x4000u
#define NOTE_AT   0x180u
#define TEXT_GPA  0x100000u
#define DATA_GPA  0x180000u
#define ENTRY     (TEXT_GPA + 0x40u)

/* hvm_start_info version 1, as words. */
struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t module_list, cmdline, rsdp, memory_map;
    uint32_t memory_entries, reserved;
};

struct vm {
    uint8_t *ram;
    struct place_extent extent;
    struct e820_map map;
    struct boot_module kernel;
    struct boot_request request;
    uint8_t file[FILE_SIZE];
};

static uint64_t seed = 7;

/* Notes: another one first, then Xen's with a descriptor of DESC bytes. Returns their size. */
static uint32_t notes_write(uint8_t *at, uint32_t align, uint32_t desc)
{
    const uint32_t other[] = {4, 4, 3}, xen[] = {4, desc, 18};
    const uint64_t entry = ENTRY;
    memset(at, 0, 64);
    memcpy(at, other, 12);
    memcpy(at + 12, "GNU", 4);
    uint32_t next = (16 + 4 + align - 1) & ~(align - 1);
    memcpy(at + next, xen, 12);
    memcpy(at + next + 12, "Xen", 4);
    memcpy(at + next + 16, &entry, desc);
    return next + 16 + desc;
}

static void elf64_write(uint8_t *file, uint32_t align, uint32_t desc)
{
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
                         .e_type = ET_EXEC,
                         .e_machine = EM_X86_64,
                         .e_version = 1,
                         .e_phoff = sizeof(Elf64_Ehdr),
                         .e_ehsize = sizeof(Elf64_Ehdr),
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = 3};
    Elf64_Phdr program[3] = {
        {.p_type = PT_LOAD,
         .p_offset = TEXT_AT,
         .p_paddr = TEXT_GPA,
         .p_filesz = TEXT_SIZE,
         .p_memsz = TEXT_SIZE,
         .p_vaddr = 0xffffffff81000000},
        {.p_type = PT_LOAD,
         .p_offset = DATA_AT,
         .p_paddr = DATA_GPA,
         .p_filesz = DATA_SIZE,
         .p_memsz = DATA_SIZE + BSS_SIZE},
        {.p_type = PT_NOTE, .p_offset = NOTE_AT, .p_align = align},
    };
    program[2].p_filesz = notes_write(file + NOTE_AT, align, desc);
    memcpy(file, &header, sizeof(header));
    memcpy(file + header.e_phoff, program, sizeof(program));
}

static void elf32_write(uint8_t *file, uint32_t align, uint32_t desc)
{
    Elf32_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1},
                         .e_type = ET_EXEC,
                         .e_machine = EM_386,
                         .e_version = 1,
                         .e_phoff = sizeof(Elf32_Ehdr),
                         .e_ehsize = sizeof(Elf32_Ehdr),
                         .e_phentsize = sizeof(Elf32_Phdr),
                         .e_phnum = 3};
    Elf32_Phdr program[3] = {
        {.p_type = PT_LOAD,
         .p_offset = TEXT_AT,
         .p_paddr = TEXT_GPA,
         .p_filesz = TEXT_SIZE,
         .p_memsz = TEXT_SIZE},
        {.p_type = PT_LOAD,
         .p_offset = DATA_AT,
         .p_paddr = DATA_GPA,
         .p_filesz = DATA_SIZE,
         .p_memsz = DATA_SIZE + BSS_SIZE},
        {.p_type = PT_NOTE, .p_offset = NOTE_AT, .p_align = align},
    };
    program[2].p_filesz = notes_write(file + NOTE_AT, align, desc);
    memcpy(file, &header, sizeof(header));
    memcpy(file + header.e_phoff, program, sizeof(program));
}

static void vm_open(struct vm *vm)
{
    memset(vm, 0, sizeof(*vm));
    vm->ram = malloc(VM_SIZE);
    assert_non_null(vm->ram);
    memset(vm->ram, 0xa5, VM_SIZE);
    vm->extent = (struct place_extent){{(uintptr_t)vm->ram}, {0}, VM_SIZE, 0};
    assert_true(e820_set(&vm->map, 0, 0xa0000, E820_RAM));
    assert_true(e820_set(&vm->map, MIB, VM_SIZE - MIB, E820_RAM));
    for (unsigned i = TEXT_AT; i < FILE_SIZE; i++)
        vm->file[i] = (uint8_t)(i * 5 + i / 256);
    vm->kernel = (struct boot_module){"kernel", vm->file, FILE_SIZE};
    vm->request.memory = (struct guest_memory){&vm->extent, 1, NULL};
    vm->request.e820 = &vm->map;
    vm->request.kernel = &vm->kernel;
    vm->request.cmdline = "hello";
}

static void vm_close(struct vm *vm)
{
    free(vm->ram);
}

/* What every good file leaves in memory. */
static void expect_loaded(struct vm *vm)
{
    struct guest_start start;
    assert_null(boot_check_kernel(&vm->kernel, 0, VM_SIZE));
    memset(vm->ram, 0xa5, VM_SIZE);
    assert_null(boot_load(&vm->request, &start));
    assert_int_equal(start.entry, GUEST_ENTRY_PROTECTED);
    assert_int_equal(start.rip.v, ENTRY);
    assert_memory_equal(vm->ram + TEXT_GPA, vm->file + TEXT_AT, TEXT_SIZE);
    assert_memory_equal(vm->ram + DATA_GPA, vm->file + DATA_AT, DATA_SIZE);
    for (unsigned i = 0; i < BSS_SIZE; i++)
        assert_int_equal(vm->ram[DATA_GPA + DATA_SIZE + i], 0);
    assert_int_equal(vm->ram[DATA_GPA + DATA_SIZE + BSS_SIZE], 0xa5);
    const struct start_info *info = (const void *)(vm->ram + start.argument.v);
    assert_int_equal(info->magic, 0x336ec578);
    assert_int_equal(info->version, 1);
    assert_string_equal((const char *)vm->ram + info->cmdline, "hello");
}

static void elf_files_of_each_shape_load(void **state)
{
    struct vm vm;
    (void)state;
    vm_open(&vm);
    for (uint32_t align = 4; align <= 8; align += 4) {
        for (uint32_t desc = 4; desc <= 8; desc += 4) {
            elf64_write(vm.file, align, desc);
            expect_loaded(&vm);
            elf32_write(vm.file, align, desc);
            expect_loaded(&vm);
        }
    }
    vm_close(&vm);
}

static void start_info_lists_modules_and_memory(void **state)
{
    struct vm vm;
    struct guest_start start;
    const struct boot_module initrd = {"initrd", (const uint8_t *)"first", 5};
    const struct boot_module module = {"module", (const uint8_t *)"second", 6};
    (void)state;
    vm_open(&vm);
    elf64_write(vm.file, 4, 8);
    vm.request.initrd = &initrd;
    vm.request.modules[0] = &module;
    vm.request.module_count = 1;
    vm.request.firmware.rsdp = 0xe0000;
    assert_null(boot_load(&vm.request, &start));
    const struct start_info *info = (const void *)(vm.ram + start.argument.v);
    assert_int_equal(info->rsdp, 0xe0000);
    assert_int_equal(info->flags, 0);
    assert_int_equal(info->module_count, 2);
    const uint64_t *list = (const void *)(vm.ram + info->module_list);
    assert_int_equal(list[1], 5);
    assert_memory_equal(vm.ram + list[0], "first", 5);
    assert_int_equal(list[5], 6);
    assert_memory_equal(vm.ram + list[4], "second", 6);
    assert_int_equal(list[0] % 4096, 0);
    assert_int_equal(info->memory_entries, 2);
    const uint64_t *memory = (const void *)(vm.ram + info->memory_map);
    assert_int_equal(memory[0], 0);
    assert_int_equal(memory[1], 0xa0000);
    assert_int_equal(memory[2], E820_RAM);
    assert_int_equal(memory[3], MIB);
    vm_close(&vm);
}

static void expect_error(struct vm *vm, const char *words)
{
    struct guest_start start;
    const char *error = boot_load(&vm->request, &start);
    assert_non_null(error);
    if (strstr(error, words) == NULL)
        fail_msg("expected \"%s\" in: %s", words, error);
}

static void elf_errors_say_what_is_wrong(void **state)
{
    struct vm vm;
    (void)state;
    vm_open(&vm);
    Elf64_Ehdr *header = (void *)vm.file;
    Elf64_Phdr *program = (void *)(vm.file + sizeof(*header));
    elf64_write(vm.file, 4, 8);
    program[2].p_type = PT_NULL;
    expect_error(&vm, "no PVH note");
    elf64_write(vm.file, 4, 8);
    header->e_machine = EM_AARCH64;
    expect_error(&vm, "not an x86 program");
    elf64_write(vm.file, 4, 8);
    header->e_type = ET_REL;
    expect_error(&vm, "not a linked program");
    elf64_write(vm.file, 4, 8);
    program[0].p_offset = FILE_SIZE - TEXT_SIZE + 1;
    expect_error(&vm, "truncated");
    elf64_write(vm.file, 4, 8);
    program[1].p_memsz = DATA_SIZE - 1;
    expect_error(&vm, "damaged");
    elf64_write(vm.file, 4, 8);
    program[1].p_memsz = VM_SIZE;
    expect_error(&vm, "not in the VM's memory");
    assert_non_null(strstr(boot_check_kernel(&vm.kernel, 0, VM_SIZE), "too large"));
    elf64_write(vm.file, 4, 8);
    program[1].p_paddr = 0xc0000;
    expect_error(&vm, "not in the VM's memory");
    elf64_write(vm.file, 4, 8);
    program[0].p_paddr = 0x200000;
    expect_error(&vm, "entry lies outside");
    elf64_write(vm.file, 4, 8);
    program[1].p_paddr = UINT64_MAX - 16;
    expect_error(&vm, "damaged");
    elf64_write(vm.file, 4, 8);
    program[0].p_offset = UINT64_MAX - TEXT_SIZE + 0x10; /* wraps round into the file */
    expect_error(&vm, "truncated");
    elf64_write(vm.file, 4, 8);
    header->e_phoff = UINT64_MAX - 3 * sizeof(*program) + 0x10;
    expect_error(&vm, "truncated");
    elf64_write(vm.file, 4, 8);
    program[2].p_filesz--; /* ends inside the entry */
    expect_error(&vm, "no PVH note");
    vm_close(&vm);
}

static void elf_truncations_are_refused(void **state)
{
    struct vm vm;
    (void)state;
    vm_open(&vm);
    elf64_write(vm.file, 4, 8);
    for (uint64_t size = 0; size < DATA_AT + DATA_SIZE; size++) {
        uint8_t *copy = malloc(size != 0 ? size : 1);
        memcpy(copy, vm.file, size);
        vm.kernel = (struct boot_module){"cut", copy, size};
        assert_non_null(boot_check_kernel(&vm.kernel, 0, VM_SIZE));
        expect_error(&vm, size < 4 ? "not a kernel" : "truncated");
        free(copy);
    }
    vm_close(&vm);
}

/* Headers, program headers and notes changed at random, in a buffer without a byte to spare. */
static void elf_files_may_hold_anything(void **state)
{
    struct vm vm;
    struct guest_start start;
    unsigned loaded = 0;
    (void)state;
    vm_open(&vm);
    uint8_t *file = malloc(DATA_AT + DATA_SIZE);
    assert_non_null(file);
    vm.kernel = (struct boot_module){"fuzz", file, DATA_AT + DATA_SIZE};
    for (unsigned round = 0; round < 60000; round++) {
        if (round % 2 == 0)
            elf64_write(vm.file, round % 4 == 0 ? 4 : 8, 8);
        else
            elf32_write(vm.file, 4, 4);
        memcpy(file, vm.file, DATA_AT + DATA_SIZE);
        for (uint64_t i = unit_random(&seed) % 6; i < 6; i++) {
            static const uint8_t odd[] = {0, 1, 4, 0x7f, 0x80, 0xff};
            uint64_t byte = unit_random(&seed);
            file[4 + unit_random(&seed) % (TEXT_AT - 4)] =
                byte % 3 == 0 ? odd[byte % 6] : (uint8_t)(byte >> 8);
        }
        const char *checked = boot_check_kernel(&vm.kernel, 0, VM_SIZE);
        const char *error = boot_load(&vm.request, &start);
        loaded += error == NULL ? 1u : 0u;
        if (error == NULL)
            assert_null(checked);
    }
    assert_in_range(loaded, 1000, 59000);
    free(file);
    vm_close(&vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elf_files_of_each_shape_load),
        cmocka_unit_test(start_info_lists_modules_and_memory),
        cmocka_unit_test(elf_errors_say_what_is_wrong),
        cmocka_unit_test(elf_truncations_are_refused),
        cmocka_unit_test(elf_files_may_hold_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
