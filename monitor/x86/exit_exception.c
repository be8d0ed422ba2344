/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions that have left the guest: what the controls say of them, and how it gets them. */
#include "x86/exit.h"
#include "x86/msr.h"

/* An exception at the delivery of a double fault. */
static bool is_triple_fault(uint64_t first, unsigned second)
{
    return (first & EVENT_VALID) != 0 && (first >> 8 & 7) == 3 && (first & 0xff) == VECTOR_DF &&
           (second == 0 || (second >= 10 && second <= VECTOR_PF));
}

/* An exception at the delivery of another: do the two make a double fault (AMD APM 2, 8.2.9)? */
static bool is_double_fault(uint64_t first, unsigned second)
{
    unsigned vector = first & 0xff;
    bool contributes = second == 0 || (second >= 10 && second <= 13);
    if ((first & EVENT_VALID) == 0 || (first >> 8 & 7) != 3)
        return false;
    return ((vector == 0 || (vector >= 10 && vector <= 13)) && contributes) ||
           (vector == VECTOR_PF && (contributes || second == VECTOR_PF));
}

uint32_t exit_exceptions(const struct vcpu *vcpu)
{
    const struct controls *controls = atomic_load(&vcpu->vm->controls);
    uint32_t vectors = 1u << VECTOR_DB | 1u << VECTOR_AC; /* loops of them mask NMIs */
    for (unsigned i = 0; i < CONTROL_EXCEPTIONS; i++)
        if (control_watches(controls->exceptions[i]))
            vectors |= 1u << i;
    return vectors;
}

static bool has_error_code(unsigned vector)
{
    return vector == VECTOR_DF || (vector >= 10 && vector <= VECTOR_PF) || vector == VECTOR_AC ||
           vector == VECTOR_CP;
}

enum exit_reason exit_exception(struct vcpu *vcpu, unsigned vector, uint64_t address)
{
    uint8_t policy = atomic_load(&vcpu->vm->controls)->exceptions[vector];
    if (policy == CONTROL_LOG || policy == CONTROL_STOP)
        exit_log_event(vcpu, vcpu->rip, EVENT_EXCEPTION_LOGGED,
                       vector | (vector == VECTOR_PF ? address << 8 : 0));
    if (policy == CONTROL_STOP)
        exit_stop(vcpu, "an exception");
    return vector == VECTOR_DB ? EXIT_DEBUG : vector == VECTOR_AC ? EXIT_ALIGNMENT : EXIT_EXCEPTION;
}

void exit_give_exception(struct vcpu *vcpu, unsigned vector, uint32_t error, uint64_t first)
{
    if (has_error_code(vector))
        vcpu_fault_error(vcpu, vector, error);
    else
        vcpu_fault(vcpu, vector);
    if (is_double_fault(first, vector))
        vcpu_fault_error(vcpu, VECTOR_DF, 0);
    else if (is_triple_fault(first, vector))
        vm_stop(vcpu, true, "triple fault");
}
