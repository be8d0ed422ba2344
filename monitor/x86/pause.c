/* SPDX-License-Identifier: Apache-2.0 */
/* A VM pauses: because a line says `stop`, or until all of its cores have another time. */
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/requests.h"

static void call_others(struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        if (!vm->vcpus[i].away && vm->vcpus[i].cpu != this_cpu())
            cpu_kick(vm->vcpus[i].cpu, REQUEST_PAUSE);
}

void vm_pause(struct vm *vm, bool pause)
{
    atomic_store(&vm->paused, pause);
    call_others(vm);
}

void vcpu_take_pause(struct vcpu *vcpu)
{
    bool paused = atomic_load(&vcpu->vm->paused) || atomic_load(&vcpu->vm->hold) != VM_NOT_HELD;
    if (paused && vcpu->state == VCPU_RUNNING)
        vcpu->state = VCPU_PAUSED;
    else if (!paused && vcpu->state == VCPU_PAUSED)
        vcpu->state = VCPU_RUNNING;
}

unsigned vm_count_cores(const struct vm *vm, unsigned *taken)
{
    unsigned cores = 0;
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        const struct vcpu *vcpu = &vm->vcpus[i];
        if (vcpu->away && !vcpu->handing && !vcpu->coming)
            continue;
        cores++;
        if (!vcpu->away && atomic_load(&vcpu->controls_taken) == atomic_load(&vm->controls_number))
            (*taken)++;
    }
    return cores;
}

bool vm_is_settled(const struct vm *vm)
{
    unsigned taken = 0;
    return vm_count_cores(vm, &taken) == taken;
}

/* All cores are out of the guest: none reads a clock that goes by another offset than its page. */
void vm_release_hold(struct vm *vm)
{
    int held = VM_HELD;
    if (!vm_is_settled(vm) || !atomic_compare_exchange_strong(&vm->hold, &held, VM_RELEASING))
        return;
    clock_rewrite(vm);
    exit_msr_time(vm);
    atomic_store(&vm->hold, VM_NOT_HELD);
    call_others(vm);
}
