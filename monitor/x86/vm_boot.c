/* SPDX-License-Identifier: Apache-2.0 */
/* Building a VM's memory, as a boot loader would. */
#include "x86/vm_boot.h"

#include "core/control.h"
#include "core/log.h"
#include "lib/string.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/memory.h"
#include "x86/setup.h"
#include "x86/time.h"
#include "x86/virtio_pci.h"

#define ACPI_SIZE         (64 * KIB)
#define GUEST_ACPI_BASE   0xe0000ull /* where firmware would have it; the RSDP comes first */
#define RESET_VECTOR      0xffff0ull
#define LOW_TOP           0xa0000ull
#define HIGH_START        0x100000ull
#define APIC_WINDOW       0xfee00000ull
#define APIC_WINDOW_SIZE  (MIB)
#define GUEST_DEVICES     0xc0000000ull /* as the VMs' DSDT says */
#define GUEST_DEVICES_END 0xc1000000ull /* 16 MiB: a card that moves makes 8 tables at most */
#define PHYSICAL_MAX      (1ull << 42)  /* as far as the service VM's devices are looked for */

static const struct boot_info *boot;
static const struct acpi_info *acpi;
static const struct machine *all_ram; /* as the firmware has it, nothing cut out */

void vm_boot_init(const struct boot_info *boot_info, const struct acpi_info *acpi_info,
                  const struct machine *ram)
{
    boot = boot_info;
    acpi = acpi_info;
    all_ram = ram;
}

static const void *map_physical(uint64_t address, uint64_t size)
{
    return address + size >= address && address + size <= 4 * GIB && address != 0
               ? (const void *)address
               : NULL;
}

static uint64_t physical_end(void)
{
    uint64_t end = 1ull << (cpuid(0x80000008, 0).eax & 0xff);
    return end < PHYSICAL_MAX ? end : PHYSICAL_MAX;
}

/* The service VM: everything is where it is, but RAM that isn't its own and the back doors. */
static bool map_devices(struct vm *vm)
{
    if (!backend->map(vm, (gpa_t){0}, (hpa_t){0}, physical_end()))
        return false;
    for (unsigned i = 0; i < all_ram->ram_count; i++)
        if (!backend->unmap(vm, (gpa_t){all_ram->ram[i].base.v}, all_ram->ram[i].size))
            return false;
    ioapic_unmap(vm);
    /* A store here would become a message-signalled interrupt to any core, NMI and INIT included.
     */
    return backend->unmap(vm, (gpa_t){APIC_WINDOW}, APIC_WINDOW_SIZE);
}

bool vm_is_device_space(const struct vm *vm, gpa_t page)
{
    if (!vm->service)
        return page.v >= GUEST_DEVICES && page.v < GUEST_DEVICES_END;
    for (unsigned i = 0; i < all_ram->ram_count; i++)
        if (page.v - all_ram->ram[i].base.v < all_ram->ram[i].size)
            return false;
    return page.v < physical_end() && page.v - APIC_WINDOW >= APIC_WINDOW_SIZE &&
           !ioapic_owns(page);
}

void vm_restore_device_space(struct vm *vm, gpa_t page)
{
    if (vm->service)
        backend->map(vm, page, (hpa_t){page.v}, PAGE_SIZE);
    else
        backend->unmap(vm, page, PAGE_SIZE);
}

bool vm_map_memory(struct vm *vm)
{
    if (vm->service && !map_devices(vm))
        return false;
    for (unsigned i = 0; i < vm->memory.count; i++) {
        const struct place_extent *e = &vm->memory.extents[i];
        if (!backend->map(vm, e->gpa, e->hpa, e->size))
            return false;
    }
    return true;
}

/* What was in the memory before is nobody's business, and may be another VM's module. */
static void scrub(const struct vm *vm)
{
    for (unsigned i = 0; i < vm->memory.count; i++)
        memory_scrub((void *)vm->memory.extents[i].hpa.v, vm->memory.extents[i].size);
}

/* The service VM's map: the firmware's, RAM that is not its own made reserved. */
static bool service_map(struct vm *vm)
{
    for (unsigned i = 0; i < boot->map.count; i++) {
        const struct e820_entry *e = &boot->map.entries[i];
        uint32_t type = e->type == E820_RAM ? E820_RESERVED : e->type;
        if (!e820_set(&vm->e820, e->base, e->size, type))
            return false;
    }
    return true;
}

/* Where the VM's ACPI tables lie: below 1 MiB, or at the end of the service VM's low RAM. */
static uint64_t acpi_base(const struct vm *vm)
{
    uint64_t base = 0;
    if (!vm->service)
        return GUEST_ACPI_BASE;
    for (unsigned i = 0; i < vm->memory.count; i++) {
        uint64_t end = vm->memory.extents[i].gpa.v + vm->memory.extents[i].size;
        if (vm->memory.extents[i].size >= 2 * ACPI_SIZE && end <= 4 * GIB)
            base = align_down(end - ACPI_SIZE, PAGE_SIZE);
    }
    return base;
}

static bool make_map(struct vm *vm)
{
    vm->e820.count = 0;
    if (vm->service && !service_map(vm))
        return false;
    for (unsigned i = 0; i < vm->memory.count; i++)
        if (!e820_set(&vm->e820, vm->memory.extents[i].gpa.v, vm->memory.extents[i].size, E820_RAM))
            return false;
    if (!vm->service && !e820_set(&vm->e820, LOW_TOP, HIGH_START - LOW_TOP, E820_RESERVED))
        return false;
    return e820_set(&vm->e820, acpi_base(vm), ACPI_SIZE, E820_ACPI);
}

/*
 * The firmware's runtime services take virtual addresses once, so a second start has none. The map
 * lies behind the ACPI tables, the first USED bytes of BUFFER: what e820 calls RAM, Linux may take.
 */
static void make_efi(const struct vm *vm, uint8_t *buffer, size_t used,
                     struct boot_firmware *firmware)
{
    size_t at = align_up(used, sizeof(uint64_t));
    if (!vm->service || vm->starts > 0)
        return;
    size_t size = efi_write_map(&boot->efi, &vm->e820, buffer + at, ACPI_SIZE - at);
    if (size == 0)
        return;
    firmware->efi.system_table = boot->efi.system_table;
    firmware->efi.stride = boot->efi.stride;
    firmware->efi.version = boot->efi.version;
    firmware->efi.map.v = acpi_base(vm) + at;
    firmware->efi.map_size = (uint32_t)size;
}

/* ACPI tables, and for the service VM what it inherits of the firmware. */
static bool make_firmware(struct vm *vm, struct boot_firmware *firmware)
{
    gpa_t at = {acpi_base(vm)};
    uint8_t *buffer = guest_pointer(&vm->memory, at, ACPI_SIZE);
    if (buffer == NULL)
        return false;
    memset(buffer, 0, ACPI_SIZE);
    if (vm->service)
        *firmware = boot->firmware;
    firmware->rsdp = at.v;
    size_t used = vm->service ? acpi_build_service(acpi, map_physical, &machine, vm->place, buffer,
                                                   ACPI_SIZE, at)
                              : acpi_build_guest(&machine, vm->place, buffer, ACPI_SIZE, at);
    make_efi(vm, buffer, used, firmware);
    return used != 0;
}

/*
 * Where a PC's firmware begins again. Stock Linux jumps there to restart when ACPI is
 * hardware-reduced and there is no EFI: mov al, 6; mov dx, cf9h; out dx, al; hlt; jmp to the hlt.
 */
static bool make_reset_vector(const struct vm *vm)
{
    static const uint8_t code[] = {0xb0, 0x06, 0xba, 0xf9, 0x0c, 0xee, 0xf4, 0xeb, 0xfd};
    return vm->service || guest_write(&vm->memory, (gpa_t){RESET_VECTOR}, code, sizeof(code));
}

/* Which cores its kernel is to know of: requests may be changing them. */
static void tell_cores(struct vm *vm)
{
    lock_take(&control_lock);
    place_tell(&machine, &setup_config, &setup_plan, vm->index, vm->vcpu_most);
    exit_msr_set_errors(vm);
    lock_release(&control_lock);
}

const char *vm_build(struct vm *vm, struct guest_start *start)
{
    vm->milestones = (struct vm_milestones){0};
    if (vm->starts == 0)
        scrub(vm);
    vm->milestones.scrubbed = time_us();
    if (!vm->service)
        tell_cores(vm);
    if (!make_map(vm))
        return "its memory map has too many entries";
    struct boot_request request = {
        .memory = vm->memory,
        .e820 = &vm->e820,
        .kernel = vm->kernel,
        .initrd = vm->initrd,
        .module_count = vm->config->module_count,
        .cmdline = vm->config->cmdline,
    };
    for (unsigned i = 0; i < request.module_count; i++)
        request.modules[i] = vm->modules[i];
    if (!make_firmware(vm, &request.firmware) || !make_reset_vector(vm))
        return "its ACPI tables find no room";
    console_init(&vm->console, vm->config->name);
    unlisted_clear(&vm->unlisted);
    virtio_pci_reset(vm);
    vm->clock_start_tsc = rdtsc();
    const char *error = boot_load(&request, start);
    vm->milestones.loaded = time_us();
    return error;
}
