/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an ELF file that may hold anything: all sizes and offsets are checked here. */
#include "x86/boot/elf.h"

#include "lib/string.h"

#define ELF_CLASS_32    1u
#define ELF_CLASS_64    2u
#define ELF_DATA_LITTLE 1u
#define ELF_TYPE_EXEC   2u
#define ELF_TYPE_DYN    3u
#define ELF_MACHINE_386 3u
#define ELF_MACHINE_X64 62u
#define ELF_COUNT_MAX   128u /* more than any kernel has */

struct elf32_header {
    uint8_t ident[16];   /* 00 */
    uint16_t type;       /* 10 */
    uint16_t machine;    /* 12 */
    uint32_t version;    /* 14 */
    uint32_t entry;      /* 18 */
    uint32_t phoff;      /* 1c */
    uint32_t shoff;      /* 20 */
    uint32_t flags;      /* 24 */
    uint16_t ehsize;     /* 28 */
    uint16_t phentsize;  /* 2a */
    uint16_t phnum;      /* 2c */
    uint16_t section[3]; /* 2e */
} __attribute__((packed));
_Static_assert(sizeof(struct elf32_header) == 0x34, "ELF32 header");

struct elf64_header {
    uint8_t ident[16];   /* 00 */
    uint16_t type;       /* 10 */
    uint16_t machine;    /* 12 */
    uint32_t version;    /* 14 */
    uint64_t entry;      /* 18 */
    uint64_t phoff;      /* 20 */
    uint64_t shoff;      /* 28 */
    uint32_t flags;      /* 30 */
    uint16_t ehsize;     /* 34 */
    uint16_t phentsize;  /* 36 */
    uint16_t phnum;      /* 38 */
    uint16_t section[3]; /* 3a */
} __attribute__((packed));
_Static_assert(sizeof(struct elf64_header) == 0x40, "ELF64 header");

struct elf32_program {
    uint32_t type;   /* 00 */
    uint32_t offset; /* 04 */
    uint32_t vaddr;  /* 08 */
    uint32_t paddr;  /* 0c */
    uint32_t filesz; /* 10 */
    uint32_t memsz;  /* 14 */
    uint32_t flags;  /* 18 */
    uint32_t align;  /* 1c */
} __attribute__((packed));
_Static_assert(sizeof(struct elf32_program) == 0x20, "ELF32 program header");

struct elf64_program {
    uint32_t type;   /* 00 */
    uint32_t flags;  /* 04 */
    uint64_t offset; /* 08 */
    uint64_t vaddr;  /* 10 */
    uint64_t paddr;  /* 18 */
    uint64_t filesz; /* 20 */
    uint64_t memsz;  /* 28 */
    uint64_t align;  /* 30 */
} __attribute__((packed));
_Static_assert(sizeof(struct elf64_program) == 0x38, "ELF64 program header");

struct elf_note_header {
    uint32_t name_size; /* 00 */
    uint32_t desc_size; /* 04 */
    uint32_t type;      /* 08 */
} __attribute__((packed));

static bool file_has(const struct elf_file *file, uint64_t offset, uint64_t size)
{
    return offset <= file->size && size <= file->size - offset;
}

bool elf_is(const struct boot_module *module)
{
    return module->size >= 4 && memcmp(module->data, "\177ELF", 4) == 0;
}

static bool header_read(struct elf_file *file, uint16_t *type, uint16_t *machine)
{
    if (file->is_64) {
        const struct elf64_header *header = (const void *)file->data;
        if (!file_has(file, 0, sizeof(*header)))
            return false;
        file->table = header->phoff;
        file->entry_size = header->phentsize;
        file->count = header->phnum;
        *type = header->type;
        *machine = header->machine;
        return true;
    }
    const struct elf32_header *header = (const void *)file->data;
    if (!file_has(file, 0, sizeof(*header)))
        return false;
    file->table = header->phoff;
    file->entry_size = header->phentsize;
    file->count = header->phnum;
    *type = header->type;
    *machine = header->machine;
    return true;
}

const char *elf_open(const struct boot_module *module, struct elf_file *file)
{
    static const char truncated[] = "the ELF kernel is truncated or damaged; copy it again";
    static const char foreign[] = "the ELF file is not an x86 program; use a kernel for x86-64";
    uint16_t type, machine;
    *file = (struct elf_file){.data = module->data, .size = module->size};
    if (module->size < sizeof(struct elf32_header))
        return truncated;
    uint8_t class = module->data[4];
    if ((class != ELF_CLASS_32 && class != ELF_CLASS_64) || module->data[5] != ELF_DATA_LITTLE)
        return foreign;
    file->is_64 = class == ELF_CLASS_64;
    if (!header_read(file, &type, &machine))
        return truncated;
    if (machine != ELF_MACHINE_386 && machine != ELF_MACHINE_X64)
        return foreign;
    if (type != ELF_TYPE_EXEC && type != ELF_TYPE_DYN)
        return "the ELF file is not a linked program; name the linked kernel";
    uint64_t least = file->is_64 ? sizeof(struct elf64_program) : sizeof(struct elf32_program);
    if (file->count == 0 || file->count > ELF_COUNT_MAX || file->entry_size < least ||
        !file_has(file, file->table, file->count * file->entry_size))
        return truncated;
    return NULL;
}

bool elf_segment(const struct elf_file *file, unsigned index, struct elf_segment *segment)
{
    const uint8_t *at = file->data + file->table + index * file->entry_size;
    uint64_t offset;
    if (file->is_64) {
        const struct elf64_program *program = (const void *)at;
        offset = program->offset;
        *segment = (struct elf_segment){program->type,  NULL,           program->filesz,
                                        program->paddr, program->memsz, program->align};
    } else {
        const struct elf32_program *program = (const void *)at;
        offset = program->offset;
        *segment = (struct elf_segment){program->type,  NULL,           program->filesz,
                                        program->paddr, program->memsz, program->align};
    }
    if (!file_has(file, offset, segment->file_size) ||
        segment->memory_size > UINT64_MAX - segment->address)
        return false;
    segment->data = file->data + offset;
    return true;
}

bool elf_note(const struct elf_segment *segment, uint64_t *offset, struct elf_note *note)
{
    uint64_t size = segment->file_size, at = *offset;
    uint64_t unit = segment->align == 8 ? 8 : 4;
    const struct elf_note_header *header;
    if (at > size || sizeof(*header) > size - at)
        return false;
    header = (const void *)(segment->data + at);
    uint64_t name = at + sizeof(*header);
    uint64_t desc = align_up(name + header->name_size, unit);
    if (desc > size || header->desc_size > size - desc)
        return false;
    *note = (struct elf_note){segment->data + name, header->name_size, segment->data + desc,
                              header->desc_size, header->type};
    *offset = align_up(desc + header->desc_size, unit);
    return true;
}
