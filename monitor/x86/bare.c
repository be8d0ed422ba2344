/* SPDX-License-Identifier: Apache-2.0 */
/* The way back. */
#include "x86/bare.h"

#include "core/log.h"
#include "x86/asm.h"
#include "x86/setup.h"

/* Jump to ENTRY with the boot parameters, on the page tables that the loader has made. */
_Noreturn static void bare_enter(const struct guest_start *start)
{
    extern const uint8_t boot_gdt_linux[];
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdt = {31, (uint64_t)boot_gdt_linux};
    __asm__ volatile("lgdt %0\n\t"
                     "mov %1, %%cr3\n\t"
                     "mov %2, %%ds\n\t"
                     "mov %2, %%es\n\t"
                     "mov %2, %%ss\n\t"
                     "pushq $0x10\n\t"
                     "pushq %3\n\t"
                     "lretq"
                     :
                     : "m"(gdt), "r"(start->cr3.v), "r"(0x18), "r"(start->rip.v),
                       "S"(start->argument.v)
                     : "memory");
    __builtin_unreachable();
}

_Noreturn static void give_up(const char *why)
{
    log_error("%s; the machine halts", why);
    cpu_halt();
}

void bare_boot(const struct boot_info *boot, const struct acpi_info *acpi, const struct machine *m,
               const char *reason)
{
    static struct place_extent extents[MAX_RANGES];
    struct guest_start start;
    const struct config *config = &setup_config;
    log_error("Mullion cannot divide this machine: %s", reason);
    if (config->strict)
        give_up("the configuration says strict");
    if (config->service < 0)
        give_up("the configuration names no service VM whose kernel could be booted instead");
    const struct config_vm *vm = &config->vms[config->service];
    for (unsigned i = 0; i < m->ram_count; i++)
        extents[i] = (struct place_extent){m->ram[i].base, {m->ram[i].base.v}, m->ram[i].size, 0};
    struct boot_request request = {
        .memory = {extents, m->ram_count, NULL},
        .e820 = &boot->map,
        .kernel = boot_find_module(boot, vm->kernel),
        .initrd = vm->initrd[0] != '\0' ? boot_find_module(boot, vm->initrd) : NULL,
        .cmdline = vm->cmdline,
        .firmware = boot->firmware,
    };
    request.firmware.rsdp = acpi->rsdp;
    if (request.kernel == NULL)
        give_up("the service VM's kernel is not among the boot modules");
    const char *error = boot_load(&request, &start);
    if (error != NULL)
        give_up(error);
    if (start.entry != GUEST_ENTRY_LONG_MODE)
        give_up("the service VM's kernel is not a bzImage, which alone can be booted bare");
    log_info("booting %s bare, without VMs", request.kernel->name);
    bare_enter(&start);
}
