/* SPDX-License-Identifier: Apache-2.0 */
/* The boot, from the loader's hand-over to the first guest instruction: a table of contents. */
#include "core/log.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/bare.h"
#include "x86/boot_info.h"
#include "x86/control.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/inventory.h"
#include "x86/lifecycle.h"
#include "x86/logkey.h"
#include "x86/memory.h"
#include "x86/msr.h"
#include "x86/paging.h"
#include "x86/platform.h"
#include "x86/requests.h"
#include "x86/setup.h"
#include "x86/time.h"
#include "x86/trap.h"
#include "x86/uart.h"
#include "x86/vm_boot.h"

#define CPUID_GENUINE_INTEL 0x756e6547u /* leaf 0 EBX: "Genu" */
#define CPUID_VMX           (1u << 5)   /* leaf 1 ECX */

uintptr_t __stack_chk_guard = 0x595e9fbd94fda700; /* the entry code mixes the TSC in */
_Noreturn void __stack_chk_fail(void);
extern uint8_t image_start[], image_end[];
_Noreturn void boot_main(uint32_t magic, uint64_t information);
_Noreturn void entry_switch_stack(void *stack_top, void (*go_on)(void)); /* entry.S */

const struct backend *backend;

static struct boot_info boot;
static struct acpi_info acpi;
static struct machine all_ram;

void __stack_chk_fail(void)
{
    panic("a stack was overrun");
}

/* VT-x where the processor shows it, or could only have that; else SVM. */
static const struct backend *choose_backend(void)
{
    bool intel = cpuid(0, 0).ebx == CPUID_GENUINE_INTEL;
    bool vmx = (cpuid(1, 0).ecx & CPUID_VMX) != 0;
    return intel || vmx ? &vmx_backend : &svm_backend;
}

/* Where the boot core's %gs points until the cores' own state exists. */
static void early_cpu(void)
{
    static struct pcpu early;
    early.self = &early;
    wrmsr(MSR_GS_BASE, (uint64_t)&early);
}

/*
 * Each core's life: a guest runs, or the core sleeps until another core calls. An NMI that was
 * taken on the way here (apic_reset_this opens a window) is served before the guest goes on: its
 * request would wait for ever, since no second NMI is sent for it.
 */
_Noreturn static void cpu_run(struct pcpu *cpu)
{
    for (;;) {
        struct vcpu *vcpu = cpu->vcpu; /* it may be taken away at any time */
        bool runs = vcpu != NULL && vcpu->state == VCPU_RUNNING;
        if (runs && cpu->nmi_seen == 0) {
            backend->run(vcpu);
        } else {
            atomic_store(&cpu->parked, true);
            uint32_t requests = cpu_park();
            atomic_store(&cpu->parked, false);
            nmi_serve(cpu->vcpu, requests); /* the vCPU may have been given meanwhile */
        }
    }
}

static void cpu_begin(struct pcpu *cpu)
{
    backend->enable_cpu(cpu);
    apic_reset_this();
    cpu_run(cpu);
}

static void read_loader(uint32_t magic, uint64_t information)
{
    const char *error = "started by no boot loader that it knows (Multiboot)";
    if (magic == BOOT_LOADER_MULTIBOOT1)
        error = boot_read_multiboot1(information, &boot);
    else if (magic == BOOT_LOADER_MULTIBOOT2)
        error = boot_read_multiboot2(information, &boot);
    if (error == NULL)
        return;
    log_error("Mullion cannot start: %s", error);
    cpu_halt();
}

static void say_ready(unsigned started)
{
    hpa_t base;
    uint64_t size;
    uint64_t used;
    memory_pool(&base, &size, &used);
    uint64_t modules = boot_modules_size(&boot);
    uint64_t image = (uint64_t)(image_end - image_start);
    log_info("%u VMs start; monitor memory %lu KiB beside %lu KiB of modules (image %lu, pool %lu, "
             "%lu of it in use)",
             started, (image + size - modules) / KIB, modules / KIB, image / KIB,
             (size - modules) / KIB, (used - modules) / KIB);
    log_info("no IOMMU is used: who owns bus-mastering devices (the service VM) is trusted");
}

/* The second half of the boot, on the boot core's own guarded stack. */
static void boot_divide(void)
{
    cpu_init_this(cpus[0]);
    cpu_start_others(cpu_begin);
    backend->enable_cpu(cpus[0]);
    platform_init(&acpi);
    ioapic_init(&acpi);
    vm_boot_init(&boot, &acpi, &all_ram);

    lifecycle_init(&boot);
    if (!control_service_init())
        panic("no memory for the control service");
    unsigned started = setup_vms(&boot, &machine);
    if (started == 0) {
        log_error("no VM can be built; the machine stops. Mend the configuration");
        cpu_halt();
    }
    say_ready(started);
    ioapic_mask_all();
    logkey_init(setup_log_cpu());
    setup_start_all();
    apic_reset_this();
    cpu_run(cpus[0]);
}

void boot_main(uint32_t magic, uint64_t information)
{
    early_cpu();
    trap_init();
    trap_load_idt();
    uart_init();
    log_info("Mullion " MULLION_VERSION);
    backend = choose_backend();
    read_loader(magic, information);

    if (!inventory_read(&boot, &acpi, &machine, &all_ram))
        cpu_halt();
    time_calibrate(&acpi);
    inventory_report(&machine);
    setup_configuration(&boot);
    setup_memory(&boot, &machine);
    paging_init(&all_ram);
    paging_load();

    const char *missing = backend->missing();
    if (missing != NULL)
        bare_boot(&boot, &acpi, &machine, missing);

    if (!cpu_init_all())
        panic("no memory for the cores");
    entry_switch_stack(cpus[0]->stack_top, boot_divide);
}
