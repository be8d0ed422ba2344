/* SPDX-License-Identifier: Apache-2.0 */
/* A running VM gets other controls, or, where its processor refuses them, its old ones back. */
#include "core/log.h"
#include "lib/string.h"
#include "x86/asm.h"
#include "x86/control.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/live.h"
#include "x86/requests.h"
#include "x86/setup.h"

void live_change_controls(struct vm *vm, const struct controls *wanted)
{
    const struct controls *old = atomic_load(&vm->controls);
    struct controls *next = &vm->control_sets[old == &vm->control_sets[0] ? 1 : 0];
    *next = *wanted;
    if (old->unlisted != wanted->unlisted)
        unlisted_clear(&vm->unlisted); /* what is in there has been answered in one way */
    setup_config.vms[vm->index].controls = *wanted;
    if (old->tsc_offset != next->tsc_offset)
        atomic_store(&vm->hold, VM_HELD);
    atomic_store(&vm->controls, next);
    atomic_fetch_add(&vm->controls_number, 1);
    vm_tell_wedge(vm, memcmp(&old->cpuids, &wanted->cpuids, sizeof(old->cpuids)) != 0);
    live_generation++; /* also for a new order of the same rules, of which nothing is said */
    if (memcmp(&old->ports, &wanted->ports, sizeof(old->ports)) != 0)
        exit_port_init(vm);
    if (memcmp(&old->msrs, &wanted->msrs, sizeof(old->msrs)) != 0)
        exit_msr_init(vm);
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        if (!vm->vcpus[i].away)
            cpu_kick(vm->vcpus[i].cpu, REQUEST_CONTROLS);
}

/* The set that is not in use is the one before the last change. */
bool live_take_back(struct vcpu *vcpu, unsigned number, const char *why)
{
    struct vm *vm = vcpu->vm;
    unsigned refused = atomic_load(&vm->controls_refused);
    if (number == 0 || (refused != 0 && refused + 1 == number))
        return false;
    lock_take(&control_lock);
    if (atomic_load(&vm->controls_number) == number) {
        const struct controls *now = atomic_load(&vm->controls);
        const struct controls old = vm->control_sets[now == &vm->control_sets[0] ? 1 : 0];
        live_change_controls(vm, &old);
        atomic_store(&vm->controls_refused, number);
        log_error("vm \"%s\": core %u refuses the new controls: %s; all cores get their old ones",
                  vm->config->name, vcpu->cpu->id, why);
    }
    lock_release(&control_lock);
    vcpu_take_controls(vcpu);
    return true;
}
