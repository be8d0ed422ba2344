/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core from one owner to the next. It leaves a VM only when that VM's kernel has switched it off
 * (it halts with interrupts off, or has never been started), which the core itself finds out
 * (vcpu_take_leave, exit_idle). It is the next one's when no core of the old VM can be about to
 * call it any more: all of them have left the guest since, for a flush.
 */
#include "x86/cores.h"

#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/lifecycle.h"
#include "x86/requests.h"
#include "x86/setup.h"

void vcpu_take_leave(struct vcpu *vcpu, bool leave)
{
    uint8_t stays = VCPU_STAYS;
    vcpu->leaving = leave && !vcpu->away;
    backend->set_controls(vcpu);
    if (vcpu->leaving && vcpu->state == VCPU_WAIT_SIPI)
        atomic_compare_exchange_strong(&vcpu->left, &stays, VCPU_PARKED);
}

enum exit_reason exit_idle(struct vcpu *vcpu, bool off_line)
{
    bool leaves = vcpu->leaving && off_line;
    vcpu->leaving = false;
    backend->set_controls(vcpu);
    if (leaves) {
        apic_reset_this();
        vcpu->state = VCPU_WAIT_SIPI;
        atomic_store(&vcpu->left, VCPU_PARKED);
    }
    return EXIT_IDLE;
}

bool vcpu_may_start(struct vcpu *vcpu)
{
    uint8_t parked = VCPU_PARKED;
    return vcpu->state == VCPU_WAIT_SIPI &&
           (atomic_load(&vcpu->left) == VCPU_STAYS ||
            atomic_compare_exchange_strong(&vcpu->left, &parked, VCPU_STAYS));
}

bool core_claim(struct vcpu *vcpu)
{
    uint8_t parked = VCPU_PARKED;
    return atomic_compare_exchange_strong(&vcpu->left, &parked, VCPU_LEFT);
}

void core_detach(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    cpu_id_t id = vcpu->cpu->id;
    vcpu->away = vcpu->handing = true;
    vcpu->leaving = false;
    atomic_store(&vcpu->stopped, true);
    vcpu->cpu->vcpu = NULL;
    vcpu_of_apic[vcpu->cpu->apic_id.v] = NULL;
    cpu_set_remove(&vm->cpu_set, id);
    cpu_set_remove(&vm->place->cpus, id);
    cpu_set_add(&setup_plan.kept.cpus, id);
}

void core_attach(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    cpu_id_t id = vcpu->cpu->id;
    atomic_store(&vcpu->left, VCPU_STAYS);
    atomic_store(&vcpu->stopped, false);
    atomic_store(&vcpu->flushed, true);
    atomic_store(&vcpu->controls_taken, atomic_load(&vm->controls_number)); /* by its start */
    vcpu->state = VCPU_WAIT_SIPI;
    atomic_store(&vcpu->controls_tsc, rdtsc());
    vcpu->away = vcpu->coming = false;
    cpu_set_add(&vm->cpu_set, id);
    cpu_set_add(&vm->place->cpus, id);
    vcpu_of_apic[vcpu->cpu->apic_id.v] = vcpu;
    vcpu->cpu->vcpu = vcpu;
    cpu_kick(vcpu->cpu, REQUEST_INIT); /* interrupts that came meanwhile are nobody's */
}

/* Can no core of the VM be about to call the core that it had? */
static bool is_handed(const struct vcpu *vcpu)
{
    const struct vm *vm = vcpu->vm;
    int state = atomic_load(&vm->state);
    bool rests = state == VM_OFF || state == VM_FAILED || state == VM_GONE;
    for (unsigned i = 0; i < vm->vcpu_count && !rests; i++)
        if (!vm->vcpus[i].away && !atomic_load(&vm->vcpus[i].flushed))
            return false;
    return atomic_load(&vcpu->cpu->parked) && atomic_load(&vcpu->cpu->request) == 0;
}

/* Call FUNCTION for all vCPUs whose core is away. */
static void for_away(void (*function)(struct vcpu *vcpu))
{
    for (unsigned i = 0; i < MAX_VMS; i++)
        for (unsigned j = 0; vms[i] != NULL && j < vms[i]->vcpu_count; j++)
            if (vms[i]->vcpus[j].away)
                function(&vms[i]->vcpus[j]);
}

static void hand(struct vcpu *vcpu)
{
    if (!vcpu->handing || !is_handed(vcpu))
        return;
    vcpu->handing = false;
    atomic_store(&vcpu->controls_tsc, rdtsc()); /* of what has changed this was the last */
    cpu_set_remove(&setup_plan.kept.cpus, vcpu->cpu->id);
}

static void arrive(struct vcpu *vcpu)
{
    if (vcpu->coming && !cpu_set_has(&setup_plan.kept.cpus, vcpu->cpu->id) &&
        !atomic_load(&vcpu->vm->doomed))
        core_attach(vcpu);
}

void lifecycle_reap_cores(void)
{
    for_away(hand);
    for_away(arrive);
}

bool lifecycle_leave(struct control *control)
{
    struct vm *vm = lifecycle_find(control);
    bool leave = control->words[0][0] == 'l';
    if (vm == NULL)
        return false;
    for (unsigned i = 1; i < vm->vcpu_count; i++)
        if (!vm->vcpus[i].away)
            cpu_kick(vm->vcpus[i].cpu, leave ? REQUEST_LEAVE : REQUEST_REMAIN);
    return true;
}
