/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's life: booted, stopped, booted again, at last destroyed. */
#include "x86/vm.h"

#include "core/control.h"
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

#define RESTART_US 1000000u /* from one start of a VM to the next, at least */

struct vm *vms[MAX_VMS];
unsigned vm_count;
enum config_poweroff poweroff_rule;
struct vcpu *vcpu_of_apic[APIC_IDS];

const char *vm_state_name(const struct vm *vm)
{
    static const char *const names[] = {"off",    "starting",   "running",   "stopping",
                                        "failed", "destroying", "destroying"};
    int state = atomic_load(&vm->state);
    return state == VM_RUNNING && atomic_load(&vm->paused) ? "paused" : names[state];
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

static void vcpu_start(struct vcpu *vcpu, const struct vcpu_start *start)
{
    memset(&vcpu->regs, 0, sizeof(vcpu->regs));
    vcpu->regs.rdx = cpuid(1, 0).eax; /* the processor's signature, as after INIT */
    guest_state_reset();
    vcpu->event = 0;
    vcpu->step_done = NULL;
    vcpu->nmi_pending = false;
    vcpu->clock_msr = 0;
    vcpu->icr = 0;
    vcpu->errors = vcpu->errors_shown = 0;
    backend->vcpu_reset(vcpu, start);
    vcpu_take_controls(vcpu); /* a call to do so may have gone unheard */
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
    if (atomic_fetch_add(&vcpu->vm->cores_up, 1) + 1 == cpu_set_count(&vcpu->vm->place->told))
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
    struct pcpu *cpu = this_cpu();
    backend->open_window();
    if (cpu->nmi_seen != 0) {
        uint32_t requests = cpu_take_nmi();
        struct vcpu *vcpu = cpu->vcpu;
        if ((requests & REQUEST_CONTROLS) != 0 && vcpu != NULL)
            vcpu_take_controls(vcpu);
        nmi_serve(NULL, requests);
    }
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
        struct vm *vm = vms[i];
        int state = vm != NULL ? atomic_load(&vm->state) : VM_OFF;
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

static void scrub(const struct place_extent *extents, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (uint64_t done = 0; done < extents[i].size; done += LARGE_PAGE) {
            memory_scrub((void *)(extents[i].hpa.v + done), LARGE_PAGE);
            serve_while_waiting();
        }
}

void vm_scrub(struct vm *vm)
{
    scrub(vm->memory.extents, vm->memory.count);
    scrub(vm->more->extents, vm->more->extent_count);
    atomic_store(&vm->state, VM_GONE);
}

/* A VM that is off begins to be destroyed; true for one caller alone, who lets it be cleared. */
static bool claim(struct vm *vm)
{
    int off = VM_OFF;
    int failed = VM_FAILED;
    return atomic_compare_exchange_strong(&vm->state, &off, VM_DESTROYING) ||
           atomic_compare_exchange_strong(&vm->state, &failed, VM_DESTROYING);
}

/*
 * Whoever changes the state looks at `doomed` afterwards, and here it is the other way round: so
 * one of the two sees the other, wherever the VM is on its way.
 */
void vm_destroy(struct vm *vm)
{
    atomic_store(&vm->doomed, true);
    if (claim(vm))
        cpu_kick(vm->vcpus[0].cpu, REQUEST_SCRUB);
    else if (atomic_load(&vm->state) == VM_RUNNING)
        cpu_kick(vm->vcpus[0].cpu, REQUEST_KILL);
}

/* The VM rests in STATE, off or failed. */
static void rest(struct vm *vm, enum vm_state state)
{
    atomic_store(&vm->state, state);
    if (!atomic_load(&vm->doomed))
        maybe_power_off(vm);
    else if (claim(vm))
        vm_scrub(vm);
}

/* All cores of the VM wait to be started; requests may be bringing one. */
static void make_ready(struct vm *vm)
{
    lock_take(&control_lock);
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        vm->vcpus[i].state = VCPU_WAIT_SIPI; /* their cores are parked and don't look */
        atomic_store(&vm->vcpus[i].stopped, vm->vcpus[i].away);
        atomic_store(&vm->vcpus[i].flushed, true); /* at its start; a call may have gone unheard */
    }
    lock_release(&control_lock);
}

void vm_boot(struct vm *vm)
{
    struct guest_start entry;
    slow_down(vm);
    atomic_store(&vm->state, VM_BUILDING);
    atomic_store(&vm->paused, false);
    if (atomic_load(&vm->doomed) || atomic_load(&vm->killed)) {
        rest(vm, VM_OFF);
        return;
    }
    const char *error = vm_build(vm, &entry);
    if (error != NULL) {
        log_error("vm \"%s\": %s; it is left off", vm->config->name, error);
        rest(vm, VM_FAILED);
        return;
    }
    make_ready(vm);
    apic_reset_this();
    vcpu_take_boot(&vm->vcpus[0], &entry);
    vm->milestones.entered = time_us();
    atomic_store(&vm->cores_up, 1);
    vm->starts++;
    atomic_store(&vm->state, VM_RUNNING);
    log_info("vm \"%s\": start %u, kernel %s, nested tables at 0x%lx, control block at 0x%lx",
             vm->config->name, vm->starts, vm->kernel->name, (uint64_t)vm->nested_root,
             (uint64_t)vm->vcpus[0].control);
    if (atomic_load(&vm->doomed))
        vm_stop(&vm->vcpus[0], false, "destroyed by the service VM");
    else if (atomic_load(&vm->killed))
        vm_stop(&vm->vcpus[0], false, "stopped by the service VM");
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
        if (!atomic_load(&vcpu->stopped))
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
    vm_forget_wedge(vm);
    log_info("vm \"%s\": %s", vm->config->name, reason);
    stats_print_vm(vm);
    if (vm->service)
        platform_quiesce();
    if (restart && !atomic_load(&vm->killed))
        cpu_kick(vm->vcpus[0].cpu, REQUEST_BOOT);
    else
        rest(vm, VM_OFF);
}
