/* SPDX-License-Identifier: Apache-2.0 */
/* Loading an ELF kernel with a PVH note (Xen's x86/HVM direct boot ABI, start info version 1). */
#include "x86/boot/elf.h"

#define NOTE_PHYS32_ENTRY 18u
#define START_MAGIC       0x336ec578u
#define MODULES_MAX       (1u + CONFIG_VM_MODULES)

/* What stands before each note; then its name with the final NUL, and the descriptor. */
struct elf_note {
    uint32_t name_size; /* 00 */
    uint32_t desc_size; /* 04 */
    uint32_t type;      /* 08 */
};
_Static_assert(sizeof(struct elf_note) == 0x0c, "note header");

struct pvh_start_info {
    uint32_t magic;          /* 00 */
    uint32_t version;        /* 04 */
    uint32_t flags;          /* 08 */
    uint32_t module_count;   /* 0c */
    uint64_t module_list;    /* 10 */
    uint64_t cmdline;        /* 18 */
    uint64_t rsdp;           /* 20 */
    uint64_t memory_map;     /* 28 */
    uint32_t memory_entries; /* 30 */
    uint32_t reserved;       /* 34 */
};
_Static_assert(sizeof(struct pvh_start_info) == 0x38, "hvm_start_info");

struct pvh_module {
    uint64_t address;  /* 00 */
    uint64_t size;     /* 08 */
    uint64_t cmdline;  /* 10 */
    uint64_t reserved; /* 18 */
};
_Static_assert(sizeof(struct pvh_module) == 0x20, "hvm_modlist_entry");

struct pvh_memory {
    uint64_t base;     /* 00 */
    uint64_t size;     /* 08 */
    uint32_t type;     /* 10: as in the e820 map */
    uint32_t reserved; /* 14 */
};
_Static_assert(sizeof(struct pvh_memory) == 0x18, "hvm_memmap_table_entry");

/* One load in progress. */
struct pvh_load {
    const struct boot_request *request;
    struct guest_start *start;
    struct elf_file file;
    struct boot_space space;
    struct pvh_module modules[MODULES_MAX];
    uint32_t module_count;
};

static const char damaged[] = "the ELF kernel is truncated or damaged; copy it again";
static const char no_memory[] = "the ELF kernel asks for addresses that are not in the VM's "
                                "memory; give the VM more memory";

/* The entry of a note segment; 0 if it has none. */
static uint64_t note_entry(const struct elf_segment *segment)
{
    struct elf_note note;
    uint64_t size = segment->file_size, unit = segment->align == 8 ? 8 : 4, entry = 0, name, desc;
    for (uint64_t at = 0; at <= size && size - at >= sizeof(note);
         at = align_up(desc + note.desc_size, unit)) {
        memcpy(&note, segment->data + at, sizeof(note));
        name = at + sizeof(note);
        desc = align_up(name + note.name_size, unit);
        if (desc > size || note.desc_size > size - desc)
            return 0;
        if (note.type != NOTE_PHYS32_ENTRY || note.name_size != sizeof("Xen") ||
            memcmp(segment->data + name, "Xen", sizeof("Xen")) != 0)
            continue;
        if (note.desc_size == 4 || note.desc_size == 8) {
            memcpy(&entry, segment->data + desc, note.desc_size);
            return entry;
        }
    }
    return 0;
}

/* Look through all segments: the entry, which must be loaded, and the memory they need. */
static const char *image_check(const struct elf_file *file, uint64_t *entry, uint64_t *size)
{
    struct elf_segment segment;
    bool loaded = false;
    *entry = 0;
    *size = 0;
    for (unsigned i = 0; i < file->count; i++) {
        if (!elf_segment(file, i, &segment))
            return damaged;
        if (segment.type == ELF_PT_NOTE && *entry == 0)
            *entry = note_entry(&segment);
    }
    if (*entry == 0)
        return "the ELF kernel has no PVH note; use one built with CONFIG_PVH, or a bzImage";
    for (unsigned i = 0; i < file->count && elf_segment(file, i, &segment); i++) {
        if (segment.type != ELF_PT_LOAD)
            continue;
        if (segment.file_size > segment.memory_size || segment.memory_size > UINT64_MAX - *size)
            return damaged;
        *size += segment.memory_size;
        loaded |= *entry >= segment.address && *entry - segment.address < segment.file_size;
    }
    if (!loaded || *entry >= BOOT_TOP)
        return "the ELF kernel's PVH entry lies outside what it loads; build it again";
    return NULL;
}

const char *pvh_check(const struct boot_module *kernel, uint64_t *size)
{
    struct elf_file file;
    uint64_t entry;
    const char *error = elf_open(kernel, &file);
    return error != NULL ? error : image_check(&file, &entry, size);
}

/* Are all bytes of RANGE free RAM? */
static bool space_has(const struct boot_space *space, struct boot_range range)
{
    for (unsigned i = 0; i < space->map.count; i++) {
        struct boot_range entry = e820_range(&space->map.entries[i]);
        if (space->map.entries[i].type == E820_RAM && range.base >= entry.base &&
            range.end <= entry.end)
            return true;
    }
    return false;
}

/* Copy the segments; what lies between them is not used for anything else. */
static const char *load_segments(struct pvh_load *load)
{
    const struct guest_memory *memory = load->space.memory;
    struct boot_range all = {UINT64_MAX, 0};
    struct elf_segment segment;
    for (unsigned i = 0; i < load->file.count && elf_segment(&load->file, i, &segment); i++) {
        if (segment.type != ELF_PT_LOAD || segment.memory_size == 0)
            continue;
        struct boot_range range = {segment.address, segment.address + segment.memory_size};
        if (!space_has(&load->space, range) ||
            !guest_write(memory, (gpa_t){range.base}, segment.data, segment.file_size) ||
            !guest_clear(memory, (gpa_t){range.base + segment.file_size},
                         segment.memory_size - segment.file_size))
            return no_memory;
        all.base = range.base < all.base ? range.base : all.base;
        all.end = range.end > all.end ? range.end : all.end;
    }
    return e820_set(&load->space.map, all.base, all.end - all.base, E820_RESERVED) ? NULL
                                                                                   : no_memory;
}

static const char *load_module(struct pvh_load *load, const struct boot_module *module)
{
    uint64_t at;
    if (module == NULL || module->size == 0)
        return NULL;
    if (load->module_count == MODULES_MAX ||
        !boot_space_put_module(&load->space, module, BOOT_PAYLOAD_TOP, &at))
        return "the initrd or a module does not fit into the memory beside the kernel; give the "
               "VM more memory";
    load->modules[load->module_count++] = (struct pvh_module){.address = at, .size = module->size};
    return NULL;
}

static const char *load_modules(struct pvh_load *load)
{
    const char *error = load_module(load, load->request->initrd);
    for (unsigned i = 0; error == NULL && i < load->request->module_count; i++)
        error = load_module(load, load->request->modules[i]);
    return error;
}

/* Start info, modules, memory map and command line, each on pages of its own. */
static const char *load_start_info(struct pvh_load *load)
{
    const struct e820_map *map = load->request->e820;
    const char *text = load->request->cmdline != NULL ? load->request->cmdline : "";
    struct pvh_start_info info = {.magic = START_MAGIC, .version = 1};
    struct pvh_memory memory[E820_MAX];
    for (unsigned i = 0; i < map->count; i++)
        memory[i] = (struct pvh_memory){map->entries[i].base, map->entries[i].size,
                                        map->entries[i].type, 0};
    info.module_count = load->module_count;
    info.memory_entries = map->count;
    info.rsdp = load->request->firmware.rsdp;
    if (!boot_space_put(&load->space, load->modules, sizeof(load->modules), &info.module_list) ||
        !boot_space_put(&load->space, memory, map->count * sizeof(memory[0]), &info.memory_map) ||
        !boot_space_put(&load->space, text, strlen(text) + 1, &info.cmdline) ||
        !boot_space_put(&load->space, &info, sizeof(info), &load->start->argument.v))
        return "no memory below 4 GiB is left for the start information; give the VM more memory";
    return NULL;
}

const char *pvh_load(const struct boot_request *request, struct guest_start *start)
{
    static const char *(*const steps[])(struct pvh_load *) = {load_segments, load_modules,
                                                              load_start_info};
    struct pvh_load load = {.request = request, .start = start};
    uint64_t size;
    *start = (struct guest_start){.entry = GUEST_ENTRY_PROTECTED};
    const char *error = elf_open(request->kernel, &load.file);
    if (error == NULL)
        error = image_check(&load.file, &start->rip.v, &size);
    boot_space_init(&load.space, request);
    for (unsigned i = 0; error == NULL && i < ARRAY_SIZE(steps); i++)
        error = steps[i](&load);
    return error;
}
