/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels and initrds that the service VM uploads: in memory that no VM has. */
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/lifecycle.h"
#include "x86/setup.h"

static struct boot_info *boot;
static uint32_t boot_count; /* modules that the boot loader brought; the others were uploaded */

void lifecycle_init(struct boot_info *boot_info)
{
    boot = boot_info;
    boot_count = boot->module_count;
}

const struct boot_module *lifecycle_module(unsigned index, bool *uploaded)
{
    *uploaded = index >= boot_count;
    return index < boot->module_count ? &boot->modules[index] : NULL;
}

void lifecycle_check(unsigned index)
{
    setup_check(boot, index);
}

/* The VM that is built of MODULE, or NULL. */
static const struct vm *user_of(const struct boot_module *module)
{
    for (unsigned i = 0; i < MAX_VMS; i++) {
        const struct vm *vm = vms[i];
        bool uses = vm != NULL && (vm->kernel == module || vm->initrd == module);
        for (unsigned j = 0; vm != NULL && j < CONFIG_VM_MODULES; j++)
            uses = uses || vm->modules[j] == module;
        if (uses)
            return vm;
    }
    return NULL;
}

static struct boot_module *find_uploaded(const char *name)
{
    for (unsigned i = boot_count; i < boot->module_count; i++)
        if (strcmp(boot->modules[i].name, name) == 0)
            return &boot->modules[i];
    return NULL;
}

static void drop(struct boot_module *module)
{
    place_memory_cut(&setup_plan.kept, (hpa_t){(uint64_t)module->data},
                     align_up(module->size + 1, LARGE_PAGE));
    boot->names[module - boot->modules][0] = '\0';
    module->data = NULL;
    module->size = 0;
}

static bool may_replace(struct control *control, const char *name)
{
    const struct boot_module *module = boot_find_module(boot, name);
    if (module == NULL)
        return true;
    if (find_uploaded(name) == NULL)
        return control_refuse(control,
                              "module \"%s\" came with the boot loader; choose another "
                              "name",
                              name);
    const struct vm *user = user_of(module);
    return user == NULL ||
           control_refuse(control,
                          "module \"%s\" is vm \"%s\"'s; destroy that first, or choose "
                          "another name",
                          name, user->config->name);
}

bool lifecycle_upload_begin(struct control *control)
{
    const char *name = control->words[1];
    uint64_t size = align_up(control->body_length + 1, LARGE_PAGE);
    hpa_t base;
    lifecycle_reap();
    if (strlen(name) >= CONFIG_PATH_MAX)
        return control_refuse(control, "the name is longer than %u letters", CONFIG_PATH_MAX - 1);
    if (!may_replace(control, name))
        return false;
    if (control->body_length > CONFIG_MEMORY_MAX || !place_find(&machine, &setup_plan, size, &base))
        return control_refuse(control,
                              "module \"%s\" needs %lu MiB in one piece, which the pool has "
                              "not; give memory of the service VM first",
                              name, size / MIB);
    if (!place_memory_put(&setup_plan.kept, &(struct place_extent){base, {base.v}, size, 0}))
        return control_refuse(control, "there are too many modules; forget some");
    control->body = (uint8_t *)base.v;
    return true;
}

void lifecycle_upload_abort(struct control *control)
{
    place_memory_cut(&setup_plan.kept, (hpa_t){(uint64_t)control->body},
                     align_up(control->body_length + 1, LARGE_PAGE));
}

bool lifecycle_upload(struct control *control)
{
    const char *name = control->words[1];
    struct boot_module *module = find_uploaded(name);
    if (!may_replace(control, name)) {
        lifecycle_upload_abort(control);
        return false;
    }
    if (module != NULL)
        drop(module);
    module = find_uploaded("");
    if (module == NULL && boot->module_count < MAX_MODULES)
        module = &boot->modules[boot->module_count++];
    if (module == NULL) {
        lifecycle_upload_abort(control);
        return control_refuse(control, "there are %u modules; forget some", MAX_MODULES);
    }
    char *kept = boot->names[module - boot->modules];
    memcpy(kept, name, strlen(name) + 1);
    *module = (struct boot_module){kept, control->body, control->body_length};
    control->body[control->body_length] = '\0';
    text_print(&control->answer, "uploaded %s size %lu\n", name, module->size);
    return true;
}

bool lifecycle_forget(struct control *control)
{
    const char *name = control->words[1];
    struct boot_module *module = find_uploaded(name);
    if (module == NULL)
        return control_refuse(control, "no uploaded module is called \"%s\"", name);
    if (!may_replace(control, name))
        return false;
    drop(module);
    return true;
}
