/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an ELF file that may hold anything: all sizes and offsets are checked here. */
#include "x86/boot/elf.h"

#define ELF_DATA_LITTLE 1u
#define ELF_TYPE        0x10u /* in the header of either class */
#define ELF_TYPE_EXEC   2u
#define ELF_TYPE_DYN    3u
#define ELF_MACHINE     0x12u
#define ELF_MACHINE_386 3u
#define ELF_MACHINE_X64 62u
#define ELF_COUNT_MAX   128u /* more than any kernel has */

/* Where the classes differ: bytes of a word, sizes and offsets of header and program header. */
struct elf_layout {
    uint8_t word, header_size, phoff, phentsize, phnum;
    uint8_t program_size, offset, paddr, filesz, memsz, align;
};

static const struct elf_layout layouts[] = {
    [1] = {4, 0x34, 0x1c, 0x2a, 0x2c, 0x20, 0x04, 0x0c, 0x10, 0x14, 0x1c}, /* ELFCLASS32 */
    [2] = {8, 0x40, 0x20, 0x36, 0x38, 0x38, 0x08, 0x18, 0x20, 0x28, 0x30}, /* ELFCLASS64 */
};

static bool file_has(const struct elf_file *file, uint64_t offset, uint64_t size)
{
    return offset <= file->size && size <= file->size - offset;
}

/* The number of SIZE bytes at OFFSET, which the caller has found to be in the file. */
static uint64_t file_get(const struct elf_file *file, uint64_t offset, uint8_t size)
{
    uint64_t value = 0;
    memcpy(&value, file->data + offset, size);
    return value;
}

bool elf_is(const struct boot_module *module)
{
    return module->size >= 4 && memcmp(module->data, "\177ELF", 4) == 0;
}

const char *elf_open(const struct boot_module *module, struct elf_file *file)
{
    static const char truncated[] = "the ELF kernel is truncated or damaged; copy it again";
    static const char foreign[] = "the ELF file is not an x86 program; use a kernel for x86-64";
    *file = (struct elf_file){.data = module->data, .size = module->size};
    if (file->size < layouts[1].header_size)
        return truncated;
    uint8_t class = file->data[4];
    if (class == 0 || class >= ARRAY_SIZE(layouts) || file->data[5] != ELF_DATA_LITTLE)
        return foreign;
    const struct elf_layout *layout = file->layout = &layouts[class];
    if (file->size < layout->header_size)
        return truncated;
    uint64_t machine = file_get(file, ELF_MACHINE, 2), type = file_get(file, ELF_TYPE, 2);
    if (machine != ELF_MACHINE_386 && machine != ELF_MACHINE_X64)
        return foreign;
    if (type != ELF_TYPE_EXEC && type != ELF_TYPE_DYN)
        return "the ELF file is not a linked program; name the linked kernel";
    file->table = file_get(file, layout->phoff, layout->word);
    file->entry_size = file_get(file, layout->phentsize, 2);
    file->count = file_get(file, layout->phnum, 2);
    if (file->count == 0 || file->count > ELF_COUNT_MAX ||
        file->entry_size < layout->program_size ||
        !file_has(file, file->table, file->count * file->entry_size))
        return truncated;
    return NULL;
}

bool elf_segment(const struct elf_file *file, uint64_t index, struct elf_segment *segment)
{
    const struct elf_layout *layout = file->layout;
    uint64_t at = file->table + index * file->entry_size;
    uint64_t offset = file_get(file, at + layout->offset, layout->word);
    segment->type = file_get(file, at, 4);
    segment->file_size = file_get(file, at + layout->filesz, layout->word);
    segment->address = file_get(file, at + layout->paddr, layout->word);
    segment->memory_size = file_get(file, at + layout->memsz, layout->word);
    segment->align = file_get(file, at + layout->align, layout->word);
    if (!file_has(file, offset, segment->file_size) ||
        segment->memory_size > UINT64_MAX - segment->address)
        return false;
    segment->data = file->data + offset;
    return true;
}
