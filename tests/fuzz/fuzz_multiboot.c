/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a boot loader's information, Multiboot 1 or 2. */
#include "fuzz.h"

#include <sys/mman.h>

#include "x86/boot_info.h"
#include "x86/memory.h"

#define ARENA        (64 * KIB) /* Multiboot 1: its addresses have 32 bits */
#define COMMAND      16u        /* offsets, from here on */
#define INFO_SIZE    116u       /* up to the framebuffer's colours */
#define MODS_COUNT   20u
#define MODS_ADDRESS 24u
#define MMAP_LENGTH  44u
#define MMAP_ADDRESS 48u
#define MODULE_SIZE  16u

static struct boot_info boot;

/* boot_keep_modules needs it; no target calls that. */
void *memory_pages(unsigned pages)
{
    (void)pages;
    return NULL;
}

/* Sorted, no two overlap, none wraps round. */
static void check_map(const struct e820_map *map)
{
    must(map->count <= E820_MAX);
    for (unsigned i = 0; i < map->count; i++) {
        const struct e820_entry *entry = &map->entries[i];
        must(entry->size > 0 && entry->size <= UINT64_MAX - entry->base);
        must(i == 0 || entry[-1].base + entry[-1].size <= entry->base);
    }
}

static void check_boot(const char *error)
{
    must(error == NULL || fuzz_is_text(error, CONFIG_MESSAGE_MAX));
    must(boot.module_count <= MAX_MODULES);
    check_map(&boot.map);
    for (unsigned i = 0; i < boot.module_count; i++) {
        const struct boot_module *module = &boot.modules[i];
        must(memchr(boot.names[i], '\0', CONFIG_PATH_MAX) != NULL);
        must(boot_find_module(&boot, module->name) != NULL);
        must((uintptr_t)module->data <= UINT32_MAX && module->size <= UINT32_MAX);
    }
    must(boot_modules_size(&boot) <= (MAX_MODULES + 1) * 4 * GIB);
    must(boot.rsdp == 0 || boot.rsdp == (uintptr_t)boot.rsdp_copy);
}

static uint32_t word_get(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static void word_set(uint8_t *at, uint64_t value)
{
    uint32_t word = (uint32_t)value;
    memcpy(at, &word, sizeof(word));
}

/* Multiboot 2 says how long it is; where it is cut, it is damaged. */
static void read_multiboot2(const uint8_t *data, size_t size)
{
    if (size < 8)
        return;
    uint8_t *info = fuzz_copy(data, size);
    word_set(info, word_get(info) < size ? word_get(info) : size);
    check_boot(boot_read_multiboot2((uintptr_t)info, &boot));
    free(info);
}

/* Multiboot 1 is full of addresses, of which none can be checked: they are made to be good ones. */
static void read_multiboot1(const uint8_t *data, size_t size)
{
    static uint8_t *arena;
    if (arena == NULL)
        arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
                     -1, 0);
    must(arena != MAP_FAILED);
    if (size < INFO_SIZE || size > ARENA / 2)
        return;
    memset(arena, 0, ARENA);
    memcpy(arena, data, size);
    uint64_t base = (uintptr_t)arena, map = word_get(arena + MMAP_ADDRESS) % size;
    uint64_t length = word_get(arena + MMAP_LENGTH) % (size - map + 1);
    uint64_t list = INFO_SIZE + (word_get(arena + MODS_ADDRESS) % (size - INFO_SIZE + 1) & ~3u);
    for (uint64_t at = list; at + MODULE_SIZE <= size; at += MODULE_SIZE)
        word_set(arena + at + 8, base + word_get(arena + at + 8) % ARENA);
    word_set(arena + COMMAND, base + word_get(arena + COMMAND) % ARENA);
    word_set(arena + MMAP_ADDRESS, base + map);
    word_set(arena + MMAP_LENGTH, length);
    word_set(arena + MODS_ADDRESS, base + list);
    word_set(arena + MODS_COUNT, word_get(arena + MODS_COUNT) % ((size - list) / MODULE_SIZE + 1));
    check_boot(boot_read_multiboot1(base, &boot));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t choice[1];
    if (!fuzz_choices(&data, &size, choice, sizeof(choice)))
        return -1;
    memset(&boot, 0, sizeof(boot));
    if ((choice[0] & 1) != 0)
        read_multiboot1(data, size);
    else
        read_multiboot2(data, size);
    return 0;
}
