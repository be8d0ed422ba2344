/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux' module_finalize(header, sections, module): the sections that stay are where they will run,
 * and relocated; the records are in the file's copy, and Linux has not relocated them. In doubt the
 * site, or the whole module, is left as it is. Nobody runs this module's code yet.
 */
#include <elf.h>

#include "stub.h"

#define CR0_WP   (1ull << 16)
#define CR4_CET  (1ull << 23)
#define INSN_STI 0xfbu
#define MODE_64  0xffu /* the first byte of `inc %eax` */

static const char records_name[] RESIDENT_CONST = ".rela" AFTERBURN_SECTION;
static const char template_name[] RESIDENT_CONST = ".altinstr_replacement";
static const char table_name[] RESIDENT_CONST = "__ex_table";

struct module {
    struct stub_place place;
    const Elf64_Shdr *sections;
    unsigned count;
    const char *names;
    const Elf64_Shdr *table; /* exceptions; NULL: none */
};

static RESIDENT bool is_named(const struct module *module, const Elf64_Shdr *section,
                              const char *name)
{
    const char *own = module->names + section->sh_name;
    while (*own != '\0' && *own == *name)
        own++, name++;
    return *own == *name;
}

static RESIDENT const Elf64_Shdr *find_section(const struct module *module, const char *name)
{
    for (unsigned i = 1; i < module->count; i++)
        if (is_named(module, &module->sections[i], name))
            return &module->sections[i];
    return NULL;
}

/* Its entries are sorted after this: they can't be moved along with their instructions now. */
static RESIDENT bool is_in_table(const struct module *module, uint64_t address)
{
    if (module->table == NULL)
        return false;
    for (uint64_t at = 0; at + 12 <= module->table->sh_size; at += 12) {
        uint64_t field = module->table->sh_addr + at;
        if (field + (uint64_t)(int64_t) * (const int32_t *)field == address)
            return true;
    }
    return false;
}

static RESIDENT bool is_code(const struct module *module, const Elf64_Sym *symbol, uint64_t site,
                             unsigned size)
{
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= module->count)
        return false;
    const Elf64_Shdr *section = &module->sections[symbol->st_shndx];
    return (section->sh_flags & (SHF_ALLOC | SHF_EXECINSTR)) == (SHF_ALLOC | SHF_EXECINSTR) &&
           site > section->sh_addr && site - section->sh_addr + size <= section->sh_size &&
           !is_named(module, section, template_name);
}

static RESIDENT void patch_record(const struct module *module, uint64_t address,
                                  const struct afterburn_record *record)
{
    struct wedge_data *data = module->place.data;
    uint8_t *site = (uint8_t *)address;
    const struct afterburn_site what = {.size = record->size,
                                        .before = record->before,
                                        .length = record->length,
                                        .kind = record->kind};
    if (record->kind >= AFTERBURN_KINDS || (data->kinds >> record->kind & 1) == 0)
        return;
    if (record->mode[0] != MODE_64 || site[-1] == INSN_STI || is_in_table(module, address) ||
        !encode_fits(&what, site))
        return;
    struct stub stub = stub_make(&module->place, site, &what);
    if (stub.entry == NULL)
        return;
    stub_jump(site, stub.entry, what.size);
    data->module_patched++;
}

/* A record's first field is relocated to its site: symbol and addend, less the field's own place.
 */
static RESIDENT void patch_records(const struct module *module, const Elf64_Shdr *rela)
{
    const Elf64_Shdr *records = &module->sections[rela->sh_info];
    const Elf64_Shdr *table = &module->sections[rela->sh_link];
    const Elf64_Sym *symbols = (const Elf64_Sym *)table->sh_addr;
    for (uint64_t at = 0; at + sizeof(Elf64_Rela) <= rela->sh_size; at += sizeof(Elf64_Rela)) {
        const Elf64_Rela *entry = (const Elf64_Rela *)(rela->sh_addr + at);
        const Elf64_Sym *symbol = &symbols[ELF64_R_SYM(entry->r_info)];
        const struct afterburn_record *record = (const void *)(records->sh_addr + entry->r_offset);
        if (ELF64_R_TYPE(entry->r_info) != R_X86_64_PC32 ||
            entry->r_offset + sizeof(*record) > records->sh_size ||
            ELF64_R_SYM(entry->r_info) >= table->sh_size / sizeof(*symbols) ||
            !is_code(module, symbol, symbol->st_value + (uint64_t)entry->r_addend, record->size))
            continue;
        module->place.data->module_sites++;
        patch_record(module, symbol->st_value + (uint64_t)entry->r_addend, record);
    }
}

static RESIDENT void write_cr0(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

RESIDENT bool wedge_module(struct wedge_data *data, const struct wedge_regs *regs)
{
    const Elf64_Ehdr *header = (const void *)regs->rdi;
    struct module module = {
        .place = {data, (uint8_t *)(uintptr_t)wedge_resident_start},
        .sections = (const void *)regs->rsi,
        .count = header->e_shnum,
    };
    module.names = (const char *)module.sections[header->e_shstrndx].sh_addr;
    module.table = find_section(&module, table_name);
    const Elf64_Shdr *rela = find_section(&module, records_name);
    uint64_t cr0, cr4;
    __asm__ volatile("mov %%cr4, %0; mov %%cr0, %1" : "=r"(cr4), "=r"(cr0));
    bool trap = (__atomic_load_n(&data->trap, __ATOMIC_RELAXED) & WEDGE_MODULES) != 0;
    /* Write protection can't be off while CET is on. */
    if (rela == NULL || trap || (cr4 & CR4_CET) != 0 ||
        __atomic_exchange_n(&data->lock, 1, __ATOMIC_ACQUIRE) != 0)
        return false;
    __asm__ volatile("cli"); /* the stub's end brings the flags back */
    write_cr0(cr0 & ~CR0_WP);
    patch_records(&module, rela);
    write_cr0(cr0);
    __atomic_store_n(&data->lock, 0, __ATOMIC_RELEASE);
    return false;
}
