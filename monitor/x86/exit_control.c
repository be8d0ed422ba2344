/* SPDX-License-Identifier: Apache-2.0 */
/* What the VM's controls say of an instruction that has left the guest. */
#include "core/log.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/live.h"
#include "x86/msr.h"
#include "x86/requests.h"

void exit_log_event(struct vcpu *vcpu, uint64_t rip, uint32_t kind, uint64_t operand)
{
    const struct event event = {
        .tsc = rdtsc(), .rip = rip, .operand = operand, .cpu = vcpu->cpu->id, .kind = kind};
    event_add(&vcpu->vm->events, &event);
}

/* As a processor without the instruction, or at a lower privilege, would answer. */
static void deny(struct vcpu *vcpu, enum control_event event)
{
    if (event == CONTROL_MONITOR || event == CONTROL_MWAIT || event == CONTROL_RDTSCP)
        vcpu_fault(vcpu, VECTOR_UD);
    else
        vcpu_fault_gp(vcpu);
}

void exit_stop(struct vcpu *vcpu, const char *what)
{
    log_info("vm \"%s\": paused at %s, core %u, %lx; see: mullion resume", vcpu->vm->config->name,
             what, vcpu->cpu->id, vcpu->rip);
    vm_pause(vcpu->vm, true);
    vcpu_take_pause(vcpu);
}

bool exit_control(struct vcpu *vcpu, enum control_event event, uint64_t operand)
{
    uint8_t policy = atomic_load(&vcpu->vm->controls)->events[event];
    if (policy == CONTROL_LOG || policy == CONTROL_STOP)
        exit_log_event(vcpu, vcpu->rip, event, operand);
    if (policy == CONTROL_STOP)
        exit_stop(vcpu, control_event_name(event));
    if (policy == CONTROL_DENY)
        deny(vcpu, event);
    return policy != CONTROL_DENY;
}

void exit_tsc(struct vcpu *vcpu, bool aux)
{
    uint64_t tsc = rdtsc() + (uint64_t)vcpu->tsc_offset;
    vcpu->regs.rax = (uint32_t)tsc;
    vcpu->regs.rdx = tsc >> 32;
    if (aux)
        vcpu->regs.rcx = (uint32_t)rdmsr(MSR_TSC_AUX); /* the guest's own: nothing switches it */
}

void vcpu_take_controls(struct vcpu *vcpu)
{
    unsigned number = atomic_load(&vcpu->vm->controls_number);
    vcpu->tsc_offset = atomic_load(&vcpu->vm->controls)->tsc_offset;
    backend->set_controls(vcpu);
    if (backend->refuses != NULL && vcpu->state == VCPU_RUNNING) {
        const char *why = backend->refuses(vcpu);
        if (why != NULL && live_take_back(vcpu, number, why))
            return;
    }
    atomic_store(&vcpu->controls_tsc, rdtsc());
    atomic_store(&vcpu->controls_taken, number);
    if (atomic_load(&vcpu->vm->hold) != VM_NOT_HELD)
        vm_release_hold(vcpu->vm);
}
