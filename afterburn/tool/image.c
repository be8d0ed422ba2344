/* SPDX-License-Identifier: Apache-2.0 */
/* Opens an ELF file with libelf: sections, symbols, segments. */
#include "image.h"

#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

uint8_t *file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail("%s: %s", path, strerror(errno));
    size_t room = 1 << 20;
    uint8_t *bytes = allocate(room, 1);
    *size = 0;
    for (;;) {
        *size += fread(bytes + *size, 1, room - *size, file);
        if (*size < room)
            break;
        room *= 2;
        bytes = realloc(bytes, room);
        if (bytes == NULL)
            fail("%s: no memory for a file of more than %zu bytes", path, *size);
    }
    if (ferror(file))
        fail("%s: cannot be read: %s", path, strerror(errno));
    fclose(file);
    return bytes;
}

static _Noreturn void damaged(const struct image *image, const char *what)
{
    fail("%s: %s; the file is cut short or damaged: build it again", image->path, what);
}

static void read_header(struct image *image)
{
    GElf_Ehdr header;
    if (image->size < 4 || memcmp(image->bytes, "\177ELF", 4) != 0)
        fail("%s: not an ELF file; of Linux give the file vmlinux, not bzImage", image->path);
    if (gelf_getehdr(image->elf, &header) == NULL)
        damaged(image, "no ELF header");
    if (header.e_machine != EM_X86_64 && header.e_machine != EM_386)
        fail("%s: code for another processor (ELF machine %u); only x86 can be prepared",
             image->path, header.e_machine);
    image->bits = header.e_machine == EM_X86_64 ? 64 : 32;
    image->relocatable = header.e_type == ET_REL;
    image->shared = header.e_type == ET_DYN;
    image->entry = header.e_entry;
    if (header.e_shoff > image->size)
        damaged(image, "its section headers are behind its end");
}

static void read_sections(struct image *image)
{
    size_t names, count;
    if (elf_getshdrnum(image->elf, &count) != 0 || elf_getshdrstrndx(image->elf, &names) != 0)
        damaged(image, "its section headers cannot be read");
    image->sections = allocate(count, sizeof(struct section));
    Elf_Scn *scn = NULL;
    while ((scn = elf_nextscn(image->elf, scn)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) == NULL)
            damaged(image, "a section header cannot be read");
        const char *name = elf_strptr(image->elf, names, header.sh_name);
        bool has_bytes = header.sh_type != SHT_NOBITS;
        if (has_bytes &&
            (header.sh_offset > image->size || header.sh_size > image->size - header.sh_offset))
            damaged(image, "a section is behind its end");
        image->sections[image->section_count++] = (struct section){
            .name = name != NULL ? name : "",
            .index = elf_ndxscn(scn),
            .address = header.sh_addr,
            .size = header.sh_size,
            .offset = header.sh_offset,
            .bytes = has_bytes ? image->bytes + header.sh_offset : NULL,
            .loaded = (header.sh_flags & SHF_ALLOC) != 0,
            .executable = (header.sh_flags & SHF_ALLOC) != 0 &&
                          (header.sh_flags & SHF_EXECINSTR) != 0 && has_bytes,
        };
    }
}

static void read_segments(struct image *image)
{
    size_t count;
    if (elf_getphdrnum(image->elf, &count) != 0)
        damaged(image, "its program headers cannot be read");
    image->segments = allocate(count, sizeof(struct segment));
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(image->elf, (int)i, &header) == NULL)
            damaged(image, "a program header cannot be read");
        if (header.p_type != PT_LOAD || header.p_memsz == 0)
            continue;
        if (header.p_offset > image->size || header.p_filesz > image->size - header.p_offset ||
            header.p_filesz > header.p_memsz)
            damaged(image, "a segment is behind its end");
        image->segments[image->segment_count++] = (struct segment){
            header.p_vaddr, header.p_paddr, header.p_offset, header.p_filesz, header.p_memsz};
    }
}

static void add_symbol(struct image *image, const GElf_Sym *symbol, const char *name,
                       const char *source)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    bool placed = symbol->st_shndx != SHN_UNDEF && symbol->st_shndx < SHN_LORESERVE;
    if ((type == STT_SECTION && !image->relocatable) || symbol->st_shndx == SHN_UNDEF)
        return;
    image->symbols[image->symbol_count++] = (struct symbol){
        .name = type == STT_SECTION ? "" : name,
        .source = GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? source : "",
        .address = symbol->st_value,
        .size = symbol->st_size,
        .section = placed ? symbol->st_shndx : 0,
        .type = type == STT_FUNC     ? SYMBOL_FUNCTION
                : type == STT_OBJECT ? SYMBOL_OBJECT
                                     : SYMBOL_OTHER,
    };
}

static void read_symbols(struct image *image)
{
    Elf_Scn *scn = NULL;
    GElf_Shdr header = {0};
    while ((scn = elf_nextscn(image->elf, scn)) != NULL)
        if (gelf_getshdr(scn, &header) != NULL && header.sh_type == SHT_SYMTAB)
            break;
    Elf_Data *data = scn != NULL ? elf_getdata(scn, NULL) : NULL;
    size_t count = data != NULL && header.sh_entsize > 0 ? header.sh_size / header.sh_entsize : 0;
    const char *source = "";
    image->symbols = allocate(count, sizeof(struct symbol));
    for (size_t i = 1; i < count; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL)
            damaged(image, "a symbol cannot be read");
        const char *name = elf_strptr(image->elf, header.sh_link, symbol.st_name);
        if (name == NULL)
            damaged(image, "a symbol has no name");
        if (GELF_ST_TYPE(symbol.st_info) == STT_FILE)
            source = name;
        else
            add_symbol(image, &symbol, name, source);
    }
}

void image_open(struct image *image, const char *path)
{
    *image = (struct image){.path = path};
    elf_version(EV_CURRENT);
    image->bytes = file_read(path, &image->size);
    image->elf = elf_memory((char *)image->bytes, image->size);
    if (image->elf == NULL)
        fail("%s: not an ELF file; of Linux give the file vmlinux, not bzImage", path);
    read_header(image);
    read_sections(image);
    read_segments(image);
    read_symbols(image);
}

void image_close(struct image *image)
{
    elf_end(image->elf);
    free(image->sections);
    free(image->segments);
    free(image->symbols);
    free(image->bytes);
}
