/* SPDX-License-Identifier: Apache-2.0 */
/* Boot modules: found by name, kept for restarts. */
#include "x86/boot_info.h"

#include "lib/string.h"
#include "x86/memory.h"

const struct boot_module *boot_find_module(const struct boot_info *boot, const char *name)
{
    for (unsigned i = 0; i < boot->module_count; i++)
        if (strcmp(boot->modules[i].name, name) == 0)
            return &boot->modules[i];
    return NULL;
}

static uint64_t pages_of(const struct boot_module *module)
{
    return align_up(module->size + 1, PAGE_SIZE) / PAGE_SIZE; /* room for a final NUL */
}

uint64_t boot_modules_size(const struct boot_info *boot)
{
    uint64_t pages = 0;
    for (unsigned i = 0; i < boot->module_count; i++)
        pages += pages_of(&boot->modules[i]);
    return pages * PAGE_SIZE;
}

bool boot_keep_modules(struct boot_info *boot)
{
    for (unsigned i = 0; i < boot->module_count; i++) {
        struct boot_module *module = &boot->modules[i];
        void *copy = memory_pages((unsigned)pages_of(module));
        if (copy == NULL)
            return false;
        module->data = memcpy(copy, module->data, module->size);
    }
    return true;
}
