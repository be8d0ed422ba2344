/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's controls as intercepts, and the instructions that they report (AMD APM 2, 15.7 to 15.13).
 */
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/msr.h"
#include "x86/svm/svm.h"

#define CODE_CR_WRITE    0x10u
#define CODE_CR0         0x65u
#define CODE_DR          0x20u /* 16 reads, then 16 writes */
#define CODE_DR_LAST     0x3fu
#define CODE_EXCEPTION   0x40u
#define CODE_WORDS       0x60u /* from here on, bit by bit, the two words of intercepts */
#define CODE_TABLES      0x6au
#define CODE_TABLES_LAST 0x6du
#define CR0_TASK         (1ull << 1 | 1ull << 3) /* MP, TS */
#define FLOOR1                                                                                     \
    (INTERCEPT_NMI | INTERCEPT_CPUID | INTERCEPT_INVD | INTERCEPT_INVLPGA | INTERCEPT_IOIO |       \
     INTERCEPT_MSR | INTERCEPT_SHUTDOWN)
#define FLOOR2                                                                                     \
    (INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD | INTERCEPT_VMSAVE | INTERCEPT_STGI |  \
     INTERCEPT_CLGI | INTERCEPT_SKINIT)

/* The exit code of each event, the first of several. */
static const uint8_t codes[CONTROL_EVENTS] = {
    [CONTROL_HLT] = 0x78,
    [CONTROL_PAUSE] = 0x77,
    [CONTROL_MONITOR] = 0x8a,
    [CONTROL_MWAIT] = 0x8b,
    [CONTROL_RDTSC] = 0x6e,
    [CONTROL_RDTSCP] = 0x87,
    [CONTROL_RDPMC] = 0x6f,
    [CONTROL_INVLPG] = 0x79,
    [CONTROL_WBINVD] = 0x89,
    [CONTROL_CR0] = CODE_CR_WRITE,
    [CONTROL_CR3] = CODE_CR_WRITE + 3,
    [CONTROL_CR4] = CODE_CR_WRITE + 4,
    [CONTROL_DR] = CODE_DR,
    [CONTROL_TABLES] = CODE_TABLES,
    [CONTROL_XSETBV] = 0x8d,
    [CONTROL_INVD] = 0x76,
    [CONTROL_CPUID] = 0x72,
    [CONTROL_SWINT] = 0x75,
};

static void intercept(struct vmcb *vmcb, unsigned code, unsigned last)
{
    for (; code <= last; code++) {
        unsigned bit = code - CODE_WORDS;
        if (bit < 32)
            vmcb->intercept1 |= 1u << bit;
        else
            vmcb->intercept2 |= 1u << (bit - 32);
    }
}

/* The isolation floor, and what the controls add to it. */
void svm_set_controls(struct vcpu *vcpu)
{
    const struct controls *controls = atomic_load(&vcpu->vm->controls);
    struct vmcb *vmcb = vmcb_of(vcpu);
    vmcb->intercept1 = FLOOR1 | (vmcb->intercept1 & INTERCEPT_IRET);
    vmcb->intercept2 = FLOOR2;
    vmcb->intercept_cr_write = 0;
    vmcb->intercept_dr_read = vmcb->intercept_dr_write = 0;
    for (unsigned event = 0; event < CONTROL_EVENTS; event++) {
        if (!control_watches(controls->events[event]) || vcpu->step_over == event + 1)
            continue;
        if (event == CONTROL_CR0 && controls->bits[event] != 0 &&
            (controls->bits[event] & CR0_TASK) == 0)
            vmcb->intercept1 |= INTERCEPT_CR0;
        else if (event == CONTROL_DR)
            vmcb->intercept_dr_read = vmcb->intercept_dr_write = UINT16_MAX;
        else if (codes[event] < CODE_DR)
            vmcb->intercept_cr_write |= (uint16_t)(1u << (codes[event] - CODE_CR_WRITE));
        else
            intercept(vmcb, codes[event],
                      event == CONTROL_TABLES ? CODE_TABLES_LAST : codes[event]);
    }
    if (backend->lacks(controls) == NULL) {
        vmcb->pause_count = controls->pause_count;
        vmcb->pause_threshold = controls->pause_window;
    }
    vmcb->tsc_offset = (uint64_t)vcpu->tsc_offset;
    if (vcpu->leaving) {
        intercept(vmcb, codes[CONTROL_HLT], codes[CONTROL_HLT]);
        intercept(vmcb, codes[CONTROL_MWAIT], codes[CONTROL_MWAIT]);
    }
    if (!vcpu->stepping)
        vmcb->intercept_exceptions = exit_exceptions(vcpu);
}

/* The event that CODE reports, or CONTROL_EVENTS. */
static unsigned event_of(uint64_t code)
{
    unsigned event = 0;
    if (code >= CODE_DR && code <= CODE_DR_LAST)
        return CONTROL_DR;
    if (code >= CODE_TABLES && code <= CODE_TABLES_LAST)
        return CONTROL_TABLES;
    if (code == CODE_CR0)
        return CONTROL_CR0;
    while (event < CONTROL_EVENTS && codes[event] != code)
        event++;
    return event;
}

/*
 * HLT on the guest's behalf: until an interrupt can be delivered, or someone calls this core. Its
 * interrupts wait in the APIC meanwhile. An NMI ends it, as it does a real one.
 */
static void halt(struct vcpu *vcpu)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    bool open = (vmcb->rflags & RFLAGS_IF) != 0;
    svm_advance(vcpu, 1);
    vmcb->interrupt_shadow = 0; /* STI's ends with HLT */
    while (vcpu->cpu->nmi_seen == 0 && !(open && apic_interrupt_waits())) {
        backend->open_window();
        __asm__ volatile("pause");
    }
}

/* Do what the guest wanted: here where the processor is not needed for it, else by a step. */
static void carry_out(struct vcpu *vcpu, enum control_event event)
{
    switch (event) {
    case CONTROL_HLT:
        halt(vcpu);
        break;
    case CONTROL_PAUSE:
        svm_advance(vcpu, 2);
        break;
    case CONTROL_MONITOR: /* MWAIT may always end at once */
    case CONTROL_MWAIT:
        svm_advance(vcpu, 3);
        break;
    case CONTROL_INVD: /* it would drop the others' data, too */
        __asm__ volatile("wbinvd" : : : "memory");
        svm_advance(vcpu, 2);
        break;
    case CONTROL_RDTSC:
    case CONTROL_RDTSCP:
        if (vmcb_of(vcpu)->next_rip != 0) {
            exit_tsc(vcpu, event == CONTROL_RDTSCP);
            svm_advance(vcpu, 3);
            break;
        }
        svm_step_over(vcpu, event); /* which of the two it is, emulators do not say */
        break;
    default:
        svm_step_over(vcpu, event);
        break;
    }
}

enum exit_reason svm_handle_control(struct vcpu *vcpu, uint64_t code)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    unsigned event = event_of(code);
    if (event == CONTROL_EVENTS)
        return EXIT_OTHER;
    if (vcpu->leaving && (event == CONTROL_HLT || event == CONTROL_MWAIT))
        return exit_idle(vcpu, (vmcb->rflags & RFLAGS_IF) == 0);
    if (svm_look_needed(vcpu, (enum control_event)event)) {
        svm_look_begin(vcpu, (enum control_event)event);
        return EXIT_STEP;
    }
    if (exit_control(vcpu, (enum control_event)event, vmcb->exit_info1))
        carry_out(vcpu, (enum control_event)event);
    return (enum exit_reason)(EXIT_CONTROL + event);
}

void svm_give_back(struct vcpu *vcpu, unsigned vector)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    if (vector == VECTOR_PF)
        vmcb->cr2 = vmcb->exit_info2;
    if (vector == VECTOR_BP || vector == VECTOR_OF)
        svm_advance(vcpu, 1); /* INT3 and INTO are reported at themselves */
    exit_give_exception(vcpu, vector, (uint32_t)vmcb->exit_info1, vmcb->exit_int_info);
}

enum exit_reason svm_handle_exception(struct vcpu *vcpu, unsigned vector)
{
    enum exit_reason reason = exit_exception(vcpu, vector, vmcb_of(vcpu)->exit_info2);
    svm_give_back(vcpu, vector);
    backend->open_window(); /* exceptions at the delivery of exceptions must not shut NMIs out */
    return reason;
}
