/* SPDX-License-Identifier: Apache-2.0 */
/* What is where in an ELF file. */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "image.h"

const struct section *image_section(const struct image *image, const char *name)
{
    for (size_t i = 0; i < image->section_count; i++)
        if (strcmp(image->sections[i].name, name) == 0)
            return &image->sections[i];
    return NULL;
}

const struct section *image_section_by_index(const struct image *image, size_t index)
{
    for (size_t i = 0; i < image->section_count; i++)
        if (image->sections[i].index == index)
            return &image->sections[i];
    return NULL;
}

const struct section *image_section_at(const struct image *image, uint64_t address)
{
    for (size_t i = 0; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (section->loaded && address >= section->address &&
            address - section->address < section->size)
            return section;
    }
    return NULL;
}

const struct symbol *image_symbol(const struct image *image, const char *name)
{
    for (size_t i = 0; i < image->symbol_count; i++)
        if (strcmp(image->symbols[i].name, name) == 0)
            return &image->symbols[i];
    return NULL;
}

const uint8_t *section_bytes(const struct section *section, uint64_t address, size_t length)
{
    uint64_t offset = address - section->address;
    if (section->bytes == NULL || offset > section->size || length > section->size - offset)
        return NULL;
    return section->bytes + offset;
}

bool image_physical(const struct image *image, uint64_t address, uint64_t *physical)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        if (address >= segment->address && address - segment->address < segment->memory_size) {
            *physical = address - segment->address + segment->physical;
            return true;
        }
    }
    return false;
}

static int by_place(const void *left, const void *right)
{
    const struct relocation *a = left, *b = right;
    return (a->place > b->place) - (a->place < b->place);
}

/* One entry of a SHT_RELA or SHT_REL section; i386 has the addend in the place itself. */
static struct relocation read_relocation(const struct image *image, const struct section *section,
                                         Elf_Data *data, int i, Elf_Data *symbols)
{
    GElf_Rela rela = {0};
    GElf_Rel rel;
    GElf_Sym symbol = {0};
    if (data->d_type == ELF_T_RELA) {
        gelf_getrela(data, i, &rela);
    } else if (gelf_getrel(data, i, &rel) != NULL) {
        int32_t addend = 0;
        const uint8_t *place = section_bytes(section, section->address + rel.r_offset, 4);
        if (place != NULL)
            memcpy(&addend, place, sizeof(addend));
        rela = (GElf_Rela){rel.r_offset, rel.r_info, addend};
    }
    if (gelf_getsym(symbols, (int)GELF_R_SYM(rela.r_info), &symbol) == NULL)
        fail("%s: a relocation of %s names no symbol; build it again", image->path, section->name);
    return (struct relocation){rela.r_offset, symbol.st_value + (uint64_t)rela.r_addend,
                               symbol.st_shndx < SHN_LORESERVE ? symbol.st_shndx : 0};
}

struct relocation *image_relocations(const struct image *image, const struct section *section,
                                     size_t *count)
{
    Elf_Scn *scn = NULL;
    *count = 0;
    while ((scn = elf_nextscn(image->elf, scn)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) == NULL || header.sh_info != section->index ||
            (header.sh_type != SHT_RELA && header.sh_type != SHT_REL) || header.sh_entsize == 0)
            continue;
        Elf_Data *data = elf_getdata(scn, NULL);
        Elf_Data *symbols = elf_getdata(elf_getscn(image->elf, header.sh_link), NULL);
        if (data == NULL || symbols == NULL)
            fail("%s: the relocations of %s cannot be read; build it again", image->path,
                 section->name);
        *count = header.sh_size / header.sh_entsize;
        struct relocation *list = allocate(*count, sizeof(*list));
        for (size_t i = 0; i < *count; i++)
            list[i] = read_relocation(image, section, data, (int)i, symbols);
        qsort(list, *count, sizeof(*list), by_place);
        return list;
    }
    return allocate(0, sizeof(struct relocation));
}
