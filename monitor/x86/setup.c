/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration text to VMs that start. */
#include "x86/setup.h"

#include "core/log.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/memory.h"
#include "x86/trap.h"
#include "x86/vm_memory.h"

#define CONFIG_MODULE "mullion.conf"
#define POOL_BASE     (1024 * KIB)
#define POOL_PER_CPU  (64 * KIB)
#define POOL_PER_VM   (96 * KIB)

extern uint8_t image_start[], image_end[];

struct config setup_config;
struct place_plan setup_plan;

void setup_memory(struct boot_info *boot, struct machine *m)
{
    uint64_t pool = boot_modules_size(boot) + POOL_BASE + m->cpu_count * POOL_PER_CPU +
                    MAX_VMS * POOL_PER_VM; /* as many as may come */
    for (unsigned i = 0; i < setup_config.vm_count; i++)
        pool += vm_memory_need(&setup_config.vms[i]);
    static struct machine free; /* without the modules, which must not be overwritten yet */
    hpa_t image = {(uint64_t)image_start};
    hpa_t pool_at;
    bool fits = memory_cut(m, image, (uint64_t)(image_end - image_start));
    free = *m;
    for (unsigned i = 0; i < boot->module_count; i++)
        fits = fits &&
               memory_cut(&free, (hpa_t){(uint64_t)boot->modules[i].data}, boot->modules[i].size);
    if (!fits || !memory_choose_pool(&free, pool, &pool_at) || !memory_cut(m, pool_at, pool))
        panic("no %lu MiB of RAM below 4 GiB for the monitor and its modules", pool / MIB);
    if (!boot_keep_modules(boot))
        panic("no memory for the boot modules");
}

void setup_configuration(const struct boot_info *boot)
{
    static struct config_errors errors;
    static const char fallback[] = "service host {}";
    const struct boot_module *module = boot_find_module(boot, CONFIG_MODULE);
    const char *text = fallback;
    size_t length = sizeof(fallback) - 1;
    if (module == NULL) {
        log_warning("no boot module is called " CONFIG_MODULE "; going on as if it said: %s. Add "
                    "one to the boot loader's modules",
                    fallback);
    } else {
        text = (const char *)module->data;
        length = module->size;
    }
    config_parse(text, length, &setup_config, &errors);
    for (unsigned i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++)
        log_error(CONFIG_MODULE ":%u:%u: %s", errors.list[i].at.line, errors.list[i].at.column,
                  errors.list[i].text);
    if (errors.count > CONFIG_ERRORS_MAX)
        log_error(CONFIG_MODULE ": %u more errors", errors.count - CONFIG_ERRORS_MAX);
    poweroff_rule = setup_config.poweroff;
}

static void complain_to_log(const struct config_position *at, const char *text)
{
    log_error(CONFIG_MODULE ":%u:%u: %s", at->line, at->column, text);
}

void (*setup_complain)(const struct config_position *at, const char *text) = complain_to_log;

static void skip(struct config_vm *vm, const struct config_position *at, const char *reason)
{
    setup_complain(at, reason);
    vm->spoilt = true;
}

/* The module called NAME of a VM, or NULL after a message that names those there are. */
static const struct boot_module *find(const struct boot_info *boot, struct config_vm *vm,
                                      const struct config_position *at, const char *what,
                                      const char *name)
{
    char text[CONFIG_MESSAGE_MAX];
    const struct boot_module *module = boot_find_module(boot, name);
    if (module != NULL)
        return module;
    size_t length = fmt_text(
        text, sizeof(text),
        "vm \"%s\": %s \"%s\" is not among the boot modules; there are:", vm->name, what, name);
    for (unsigned i = 0; i < boot->module_count; i++)
        length += fmt_text(text + length, sizeof(text) - length, " %s", boot->modules[i].name);
    skip(vm, at, text);
    return NULL;
}

struct vm_modules {
    const struct boot_module *kernel, *initrd, *modules[CONFIG_VM_MODULES];
};

static struct vm_modules vm_modules[MAX_VMS];

void setup_check(const struct boot_info *boot, unsigned index)
{
    struct config_vm *vm = &setup_config.vms[index];
    struct vm_modules *found = &vm_modules[index];
    *found = (struct vm_modules){0};
    char text[CONFIG_MESSAGE_MAX];
    found->kernel = find(boot, vm, &vm->kernel_at, "kernel", vm->kernel);
    if (vm->initrd[0] != '\0')
        found->initrd = find(boot, vm, &vm->initrd_at, "initrd", vm->initrd);
    for (unsigned i = 0; i < vm->module_count; i++)
        found->modules[i] = find(boot, vm, &vm->modules_at, "module", vm->modules[i]);
    if (vm->spoilt)
        return;
    uint64_t initrd_size = found->initrd != NULL ? found->initrd->size : 0;
    const char *error = boot_check_kernel(found->kernel, initrd_size, vm->memory);
    if (error == NULL)
        return;
    fmt_text(text, sizeof(text), "vm \"%s\": kernel \"%s\": %s", vm->name, vm->kernel, error);
    skip(vm, &vm->kernel_at, text);
}

bool setup_vm(unsigned index)
{
    struct config_vm *config = &setup_config.vms[index];
    if (!config->spoilt && !setup_plan.vms[index].placed)
        skip(config, &setup_plan.vms[index].at, setup_plan.vms[index].reason);
    if (config->spoilt)
        return false;
    struct vm *vm = vm_create(index, config, &setup_plan.vms[index], &setup_plan.more[index]);
    if (vm == NULL)
        return false;
    vm->kernel = vm_modules[index].kernel;
    vm->initrd = vm_modules[index].initrd;
    memcpy(vm->modules, vm_modules[index].modules, sizeof(vm->modules));
    return true;
}

unsigned setup_vms(const struct boot_info *boot, const struct machine *m)
{
    unsigned made = 0;
    vm_count = setup_config.vm_count;
    for (unsigned i = 0; i < vm_count; i++)
        if (!setup_config.vms[i].spoilt)
            setup_check(boot, i);
    place_vms(m, &setup_config, &setup_plan);
    for (unsigned i = 0; i < vm_count; i++) {
        if (setup_vm(i))
            made++;
        else
            log_error("vm \"%s\" is skipped; the others start", setup_config.vms[i].name);
    }
    return made;
}

const struct pcpu *setup_log_cpu(void)
{
    if (setup_config.service >= 0 && vms[setup_config.service] != NULL)
        return vms[setup_config.service]->vcpus[0].cpu;
    return cpus[0];
}

void setup_start_all(void)
{
    for (unsigned i = 0; i < vm_count; i++)
        if (vms[i] != NULL)
            atomic_store(&vms[i]->state, VM_BUILDING);
    for (unsigned i = 0; i < vm_count; i++) /* one that fails at once must find the others there */
        if (vms[i] != NULL)
            cpu_kick(vms[i]->vcpus[0].cpu, REQUEST_BOOT);
}
