/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's life: made once, booted, stopped, booted again. */
#include "x86/vm.h"

#include "core/log.h"
#include "lib/string.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/guest_state.h"
#include "x86/memory.h"
#include "x86/platform.h"
#include "x86/requests.h"
#include "x86/stats.h"
#include "x86/time.h"
#include "x86/virtio_pci.h"
#include "x86/vm_boot.h"

#define VM_PAGES   ((unsigned)(align_up(sizeof(struct vm), PAGE_SIZE) / PAGE_SIZE))
#define RESTART_US 1000000u /* from one start of a VM to the next, at least */

struct vm *vms[MAX_VMS];
unsigned vm_count;
enum config_poweroff poweroff_rule;
struct vcpu *vcpu_of_apic[APIC_IDS];

const char *vm_state_name(const struct vm *vm)
{
    static const char *const names[] = {"off",    "starting",   "running",   "stopping",
                                        "failed", "destroying", "destroying"};
    return names[atomic_load(&vm->state)];
}

bool vm_may_log(struct vm *vm, enum denial kind)
{
    static const char *const names[DENIALS] = {"ports", "MSRs", "memory", "IPIs", "instructions"};
    _Atomic unsigned *logged = &vm->denials_logged[kind];
    unsigned before = atomic_fetch_add(logged, 1);
    if (before == VM_DENIALS_LOGGED)
        log_warning("vm \"%s\": %u denials of %s logged; further ones are only counted",
                    vm->config->name, VM_DENIALS_LOGGED, names[kind]);
    if (before > VM_DENIALS_LOGGED)
        atomic_store(logged, VM_DENIALS_LOGGED + 1); /* never wraps */
    return before < VM_DENIALS_LOGGED;
}

static bool vcpu_create(struct vm *vm, cpu_id_t id)
{
    struct vcpu *vcpu = &vm->vcpus[vm->vcpu_count];
    if (machine.cpus[id].apic_id.v >= APIC_IDS) {
        log_error("vm \"%s\": core %u has APIC id %u, above %u; list other cores", vm->config->name,
                  id, machine.cpus[id].apic_id.v, APIC_IDS - 1);
        return false;
    }
    vcpu->vm = vm;
    vcpu->index = vm->vcpu_count++;
    vcpu->cpu = cpus[id];
    atomic_store(&vcpu->stopped, true);
    cpus[id]->vcpu = vcpu;
    vcpu_of_apic[machine.cpus[id].apic_id.v] = vcpu;
    return backend->vcpu_init(vcpu);
}

static unsigned vcpu_pages(const struct vm *vm)
{
    uint64_t bytes = cpu_set_count(&vm->place->cpus) * sizeof(struct vcpu);
    return (unsigned)(align_up(bytes, PAGE_SIZE) / PAGE_SIZE);
}

static bool vcpus_create(struct vm *vm)
{
    vm->vcpus = memory_pages(vcpu_pages(vm));
    if (vm->vcpus == NULL || !vcpu_create(vm, vm->place->boot_cpu))
        return false;
    for (cpu_id_t id = 0; id < machine.cpu_count; id++)
        if (cpu_set_has(&vm->cpu_set, id) && id != vm->place->boot_cpu && !vcpu_create(vm, id))
            return false;
    return true;
}

struct vm *vm_create(unsigned index, const struct config_vm *config, struct placement *place)
{
    struct vm *vm = memory_pages(VM_PAGES);
    if (vm == NULL) {
        log_error("vm \"%s\": the monitor's memory is used up", config->name);
        return NULL;
    }
    vm->index = index;
    vm->config = config;
    vm->place = place;
    vm->service = config->service;
    vm->cpu_set = place->cpus;
    vm->memory = (struct guest_memory){place->extents, place->extent_count};
    console_init(&vm->console, config->name);
    if (!backend->vm_init(vm) || !vcpus_create(vm) || !vm_map_memory(vm) || !virtio_pci_init(vm)) {
        log_error("vm \"%s\" cannot be made: %s", config->name,
                  "the monitor's memory is used up, or a core is out of reach");
        vm_free(vm);
        return NULL;
    }
    exit_port_init(vm);
    exit_msr_init(vm);
    vms[index] = vm;
    return vm;
}

static void vcpu_start(struct vcpu *vcpu, const struct vcpu_start *start)
{
    memset(&vcpu->regs, 0, sizeof(vcpu->regs));
    vcpu->regs.rdx = cpuid(1, 0).eax; /* the processor's signature, as after INIT */
    guest_state_reset();
    backend->vcpu_reset(vcpu, start);
}

void vcpu_take_init(struct vcpu *vcpu)
{
    apic_reset_this();
    vcpu->state = VCPU_WAIT_SIPI;
}

void vcpu_take_sipi(struct vcpu *vcpu)
{
    struct vcpu_start start = {VCPU_REAL, (uint64_t)atomic_load(&vcpu->sipi_vector) << 12, 0};
    vcpu_start(vcpu, &start);
    vcpu->state = VCPU_RUNNING;
    if (atomic_fetch_add(&vcpu->vm->cores_up, 1) + 1 == vcpu->vm->vcpu_count)
        vcpu->vm->milestones.cores_up = time_us();
}

/* A boot vCPU enters where the boot protocol says. */
static void vcpu_take_boot(struct vcpu *vcpu, const struct guest_start *entry)
{
    struct vcpu_start start = {
        entry->entry == GUEST_ENTRY_LONG_MODE ? VCPU_LONG : VCPU_PROTECTED,
        entry->rip.v,
        entry->cr3.v,
    };
    vcpu_start(vcpu, &start);
    if (entry->entry == GUEST_ENTRY_LONG_MODE)
        vcpu->regs.rsi = entry->argument.v;
    else
        vcpu->regs.rbx = entry->argument.v;
    vcpu->state = VCPU_RUNNING;
}

/* A core that waits for others answers them meanwhile. */
static void serve_while_waiting(void)
{
    backend->open_window();
    if (this_cpu()->nmi_seen != 0)
        nmi_serve(NULL, cpu_take_nmi());
    cpu_relax();
}

/* A VM that dies at once, again and again, must not fill the log that all share. */
static void slow_down(const struct vm *vm)
{
    while (vm->starts > 0 && time_us() - vm->milestones.entered < RESTART_US)
        serve_while_waiting();
}

/* Nobody left, or the service VM gone where the configuration says that it decides: off. */
static void maybe_power_off(const struct vm *stopped)
{
    bool any = false;
    for (unsigned i = 0; i < MAX_VMS; i++) {
        int state = vms[i] != NULL ? atomic_load(&vms[i]->state) : VM_OFF;
        any = any || state == VM_RUNNING || state == VM_BUILDING || state == VM_STOPPING;
    }
    if (any && !(stopped->service && poweroff_rule == CONFIG_POWEROFF_SERVICE))
        return;
    log_info("the machine switches off");
    platform_power_off();
}

void vcpu_take_flush(struct vcpu *vcpu)
{
    backend->flush(vcpu);
    atomic_store(&vcpu->flushed, true);
}

void vm_flush(struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = &vm->vcpus[i];
        if (vcpu->away)
            continue;
        atomic_store(&vcpu->flushed, false);
        if (vcpu->cpu == this_cpu())
            vcpu_take_flush(vcpu);
        else
            cpu_kick(vcpu->cpu, REQUEST_FLUSH);
    }
}

void vm_scrub(struct vm *vm)
{
    atomic_store(&vm->state, VM_DESTROYING);
    for (unsigned i = 0; i < vm->memory.count; i++) {
        const struct place_extent *extent = &vm->memory.extents[i];
        for (uint64_t done = 0; done < extent->size; done += LARGE_PAGE) {
            memory_scrub((void *)(extent->hpa.v + done), LARGE_PAGE);
            serve_while_waiting();
        }
    }
    atomic_store(&vm->state, VM_GONE);
}

/* A core that is parked now loads its vCPU anew before it does anything: it will find none. */
bool vm_release(struct vm *vm)
{
    bool released = true;
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        vm->vcpus[i].cpu->vcpu = NULL;
        vcpu_of_apic[vm->vcpus[i].cpu->apic_id.v] = NULL;
        released = atomic_load(&vm->vcpus[i].cpu->parked) && released;
    }
    return released;
}

void vm_free(struct vm *vm)
{
    vms[vm->index] = NULL;
    vm_release(vm);
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        backend->vcpu_free(&vm->vcpus[i]);
    virtio_pci_free(vm);
    backend->vm_free(vm);
    memory_free(vm->vcpus, vcpu_pages(vm));
    memory_free(vm, VM_PAGES);
}

void vm_boot(struct vm *vm)
{
    struct guest_start entry;
    slow_down(vm);
    atomic_store(&vm->state, VM_BUILDING);
    const char *error = vm_build(vm, &entry);
    if (error != NULL) {
        log_error("vm \"%s\": %s; it is left off", vm->config->name, error);
        atomic_store(&vm->state, VM_FAILED);
        maybe_power_off(vm);
        return;
    }
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        vm->vcpus[i].state = VCPU_WAIT_SIPI; /* their cores are parked and don't look */
        atomic_store(&vm->vcpus[i].stopped, vm->vcpus[i].away);
    }
    apic_reset_this();
    vcpu_take_boot(&vm->vcpus[0], &entry);
    vm->milestones.entered = time_us();
    atomic_store(&vm->cores_up, 1);
    vm->starts++;
    atomic_store(&vm->state, VM_RUNNING);
    log_info("vm \"%s\": start %u, kernel %s, nested tables at 0x%lx", vm->config->name, vm->starts,
             vm->kernel->name, (uint64_t)vm->nested_root);
}

/* All other cores of the VM leave the guest. */
static void stop_others(struct vcpu *self)
{
    struct vm *vm = self->vm;
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = &vm->vcpus[i];
        if (vcpu == self || atomic_load(&vcpu->stopped))
            continue;
        cpu_kick(vcpu->cpu, REQUEST_STOP);
        while (!atomic_load(&vcpu->stopped))
            serve_while_waiting();
    }
}

void vm_stop(struct vcpu *vcpu, bool restart, const char *reason)
{
    struct vm *vm = vcpu->vm;
    int running = VM_RUNNING;
    if (!atomic_compare_exchange_strong(&vm->state, &running, VM_STOPPING)) {
        vcpu->state = VCPU_WAIT_SIPI; /* another core is at it, and will ask this one to stop */
        return;
    }
    stop_others(vcpu);
    apic_reset_this();
    vcpu->state = VCPU_STOPPED;
    atomic_store(&vcpu->stopped, true);
    virtio_pci_reset(vm);
    lock_take(&vm->console.lock);
    console_flush(&vm->console);
    lock_release(&vm->console.lock);
    log_info("vm \"%s\": %s", vm->config->name, reason);
    stats_print_vm(vm);
    if (vm->service)
        platform_quiesce();
    if (restart) {
        cpu_kick(vm->vcpus[0].cpu, REQUEST_BOOT);
        return;
    }
    atomic_store(&vm->state, VM_OFF);
    if (atomic_load(&vm->doomed))
        vm_scrub(vm);
    else
        maybe_power_off(vm);
}
