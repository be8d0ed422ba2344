/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an ELF file that may hold anything (System V ABI, chapters 4 and 5). */
#pragma once

#include "x86/boot/load.h"

#define ELF_PT_LOAD 1u
#define ELF_PT_NOTE 4u

struct elf_file {
    const uint8_t *data;
    uint64_t size;
    const struct elf_layout *layout; /* of its class */
    uint64_t table;                  /* offset of the program headers */
    uint64_t entry_size;
    uint64_t count;
};

/* A program header of either class. Its bytes are in the file: elf_segment has looked. */
struct elf_segment {
    uint64_t type;
    const uint8_t *data;
    uint64_t file_size;
    uint64_t address; /* p_paddr */
    uint64_t memory_size;
    uint64_t align;
};

/* Open MODULE. NULL, or what is wrong. */
const char *elf_open(const struct boot_module *module, struct elf_file *file);

/* Program header INDEX of FILE. False if it points out of the file or wraps round. */
bool elf_segment(const struct elf_file *file, uint64_t index, struct elf_segment *segment);
