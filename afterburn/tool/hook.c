/* SPDX-License-Identifier: Apache-2.0 */
/* What a wedge knows of a guest by name: Linux' functions that can be hooked, and its variables. */
#include "hook.h"

#include <string.h>

#include "decode.h"
#include "fail.h"

#define JUMP_SIZE      5u
#define FUNCTION_MAX   65536u
#define CURRENT_NUMBER 12u /* of struct pcpu_hot: current task, preemption count, number */

/* SOURCE: of functions whose name others have, too. Without interrupt remapping, Linux uses
 * physical destinations. */
static const struct {
    const char *name, *source;
    uint32_t id;
    bool function, per_cpu;
    uint32_t offset;
} wanted[] = {
    {"module_finalize", "", AFTERBURN_MODULE_FINALIZE, true, false, 0},
    {"x2apic_send_IPI_mask", "x2apic_phys.c", AFTERBURN_X2APIC_SEND_IPI_MASK, true, false, 0},
    {"x2apic_send_IPI_mask_allbutself", "x2apic_phys.c", AFTERBURN_X2APIC_SEND_IPI_MASK_BUT_US,
     true, false, 0},
    {"__per_cpu_offset", "", AFTERBURN_PER_CPU_OFFSET, false, false, 0},
    {"x86_cpu_to_apicid", "", AFTERBURN_CPU_TO_APICID, false, true, 0},
    {"cpu_number", "", AFTERBURN_CPU_NUMBER, false, true, 0},
    {"pcpu_hot", "", AFTERBURN_CPU_NUMBER, false, true, CURRENT_NUMBER},
};

static const struct symbol *find(const struct image *image, const char *name, const char *source)
{
    for (size_t i = 0; i < image->symbol_count; i++)
        if (strcmp(image->symbols[i].name, name) == 0 &&
            (source[0] == '\0' || strcmp(image->symbols[i].source, source) == 0))
            return &image->symbols[i];
    return NULL;
}

/* What may come before a function's own code: endbr64, and the tracer's call or the NOP in its
 * place. */
static uint32_t bytes_to_skip(const uint8_t *code, size_t size)
{
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    static const uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
    uint32_t skip = 0;
    if (size >= sizeof(endbr64) && memcmp(code, endbr64, sizeof(endbr64)) == 0)
        skip = sizeof(endbr64);
    if (size >= skip + JUMP_SIZE &&
        (code[skip] == 0xe8 || memcmp(code + skip, nop5, sizeof(nop5)) == 0))
        skip += JUMP_SIZE;
    return skip;
}

/* Does the function jump back into the bytes that a hook would replace? */
static bool is_target(const uint8_t *code, size_t size, uint64_t address, uint64_t first,
                      uint64_t end)
{
    for (size_t at = 0; at < size;) {
        struct instruction found = decode(MODE_64, code + at, size - at, address + at);
        if (found.branch && found.target > first && found.target < end)
            return true;
        at += found.length;
    }
    return false;
}

/* Whole instructions that can run elsewhere, at least a jump's length; 0: there are none. */
static uint32_t prologue_length(const uint8_t *code, size_t size, uint64_t address, uint32_t skip)
{
    uint32_t length = 0;
    while (length < JUMP_SIZE) {
        if (skip + length >= size)
            return 0;
        struct instruction found =
            decode(MODE_64, code + skip + length, size - skip - length, address + skip + length);
        if (!found.known || found.rip || found.leaves || found.kind != AFTERBURN_NONE)
            return 0;
        length += found.length;
    }
    uint64_t first = address + skip;
    return is_target(code, size, address, first, first + length) ? 0 : length;
}

static void measure_function(const struct image *image, const struct symbol *symbol,
                             struct afterburn_symbol *entry)
{
    const struct section *section = image_section_at(image, symbol->address);
    size_t size = symbol->size < FUNCTION_MAX ? symbol->size : FUNCTION_MAX;
    const uint8_t *code = section != NULL ? section_bytes(section, symbol->address, size) : NULL;
    if (code == NULL || size == 0)
        return;
    entry->skip = bytes_to_skip(code, size);
    entry->prologue = prologue_length(code, size, symbol->address, entry->skip);
}

size_t hook_find(const struct image *image, struct afterburn_symbol *list)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const struct symbol *symbol = find(image, wanted[i].name, wanted[i].source);
        if (symbol == NULL)
            continue;
        struct afterburn_symbol entry = {.id = wanted[i].id};
        if (wanted[i].per_cpu)
            entry.value = symbol->address + wanted[i].offset;
        else if (!image_physical(image, symbol->address, &entry.value))
            continue;
        if (wanted[i].function)
            measure_function(image, symbol, &entry);
        else
            entry.size = wanted[i].offset > 0 ? (uint32_t)sizeof(uint32_t) : (uint32_t)symbol->size;
        list[count++] = entry;
    }
    return count;
}
