/* SPDX-License-Identifier: Apache-2.0 */
/* An ELF file as the tool sees it: an executable or shared one by addresses, an object file by
 * sections. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct section {
    const char *name;
    size_t index; /* in the file */
    uint64_t address, size;
    uint64_t offset;      /* in the file */
    const uint8_t *bytes; /* NULL: takes no room in the file */
    bool loaded, executable;
};

enum symbol_type { SYMBOL_OTHER, SYMBOL_FUNCTION, SYMBOL_OBJECT };

struct symbol {
    const char *name;
    const char *source; /* the source file of a local symbol, or "" */
    uint64_t address, size;
    size_t section; /* index in the file; 0: none */
    enum symbol_type type;
};

struct segment {
    uint64_t address, physical, offset, file_size, memory_size;
};

struct relocation {
    uint64_t place, target; /* offsets: in the relocated section, in the target's section */
    size_t section;         /* the target's */
};

struct image {
    const char *path;
    uint8_t *bytes;
    size_t size;
    void *elf;
    bool relocatable, shared;
    int bits; /* 64 or 32 */
    uint64_t entry;
    struct section *sections;
    size_t section_count;
    struct symbol *symbols;
    size_t symbol_count;
    struct segment *segments;
    size_t segment_count;
};

/* Reads it, or ends the command with what is wrong and what to do. */
void image_open(struct image *image, const char *path);
void image_close(struct image *image);

const struct section *image_section(const struct image *image, const char *name);
const struct section *image_section_by_index(const struct image *image, size_t index);
/* The loaded section that holds the address; not for object files. */
const struct section *image_section_at(const struct image *image, uint64_t address);
/* The first of that name; NULL: none. */
const struct symbol *image_symbol(const struct image *image, const char *name);
/* LENGTH bytes of a section's contents at an address (in object files: an offset) in it; or NULL.
 */
const uint8_t *section_bytes(const struct section *section, uint64_t address, size_t length);
/* The physical address of what is linked at ADDRESS. */
bool image_physical(const struct image *image, uint64_t address, uint64_t *physical);
/* An object file's relocations of a section, by rising place. */
struct relocation *image_relocations(const struct image *image, const struct section *section,
                                     size_t *count);
/* The whole file at PATH, for image_open and what is packed. */
uint8_t *file_read(const char *path, size_t *size);
