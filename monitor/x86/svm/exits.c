/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's exits: one table from exit code to reason and handler (AMD APM 2, appendix C). */
#include "core/log.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/msr.h"
#include "x86/svm/svm.h"

#define CODE_EXCEPTION 0x40u
#define CODE_NMI       0x61u
#define CODE_NESTED    0x400u
#define CODE_TABLE     0xa0u
#define CODE_INVALID   UINT32_MAX /* -1, of which emulators store 32 bits */
#define IO_IN          (1u << 0)
#define IO_STRING      (1u << 2)
#define IO_SIZE(info)  ((info) >> 4 & 7u)
#define NESTED_WRITE   (1u << 1)
#define NESTED_FETCH   (1u << 4)
#define LENGTH_SHORT   2u /* CPUID, RDMSR, WRMSR */
#define LENGTH_CALL    3u /* VMMCALL */

void svm_advance(struct vcpu *vcpu, unsigned length)
{
    uint64_t next = vmcb_of(vcpu)->next_rip;
    vcpu->rip = next != 0 ? next : vcpu->rip + length;
}

static enum exit_reason handle_cpuid(struct vcpu *vcpu)
{
    uint64_t leaf = (uint32_t)vcpu->regs.rax | vcpu->regs.rcx << 32;
    exit_control(vcpu, CONTROL_CPUID, leaf);
    exit_cpuid(vcpu);
    svm_advance(vcpu, LENGTH_SHORT);
    return EXIT_CPUID;
}

static __attribute__((noinline)) enum exit_reason handle_any_msr(struct vcpu *vcpu)
{
    uint32_t msr = (uint32_t)vcpu->regs.rcx;
    bool write = vmcb_of(vcpu)->exit_info1 != 0;
    if (write ? exit_msr_write(vcpu, msr) : exit_msr_read(vcpu, msr))
        svm_advance(vcpu, LENGTH_SHORT);
    return msr == X2APIC_ICR ? EXIT_ICR : EXIT_MSR;
}

static enum exit_reason handle_msr(struct vcpu *vcpu)
{
    bool command = (uint32_t)vcpu->regs.rcx == X2APIC_ICR && vmcb_of(vcpu)->exit_info1 != 0;
    if (!command || !ipi_plain(vcpu))
        return handle_any_msr(vcpu);
    svm_advance(vcpu, LENGTH_SHORT);
    return EXIT_ICR;
}

static enum exit_reason handle_port(struct vcpu *vcpu)
{
    uint64_t info = vmcb_of(vcpu)->exit_info1;
    struct port_access access = {
        .port = (uint16_t)(info >> 16),
        .size = (uint8_t)IO_SIZE(info),
        .in = (info & IO_IN) != 0,
        .string = (info & IO_STRING) != 0,
        .rip = vcpu->rip,
        .next_rip = vmcb_of(vcpu)->exit_info2,
    };
    return exit_port(vcpu, &access);
}

static enum exit_reason handle_nested(struct vcpu *vcpu, bool was_stepping)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    gpa_t gpa = {vmcb->exit_info2};
    if ((vmcb->exit_int_info & EVENT_VALID) != 0)
        return exit_memory_delivery(vcpu, gpa);
    vcpu->stepping = was_stepping;
    enum exit_reason reason = exit_memory(vcpu, gpa, (vmcb->exit_info1 & NESTED_WRITE) != 0,
                                          (vmcb->exit_info1 & NESTED_FETCH) != 0);
    if (was_stepping)
        vcpu->stepping = false;
    return reason;
}

/* The guest's NMI handler ends. If one more waits, it comes right behind the IRET. */
static enum exit_reason handle_iret(struct vcpu *vcpu)
{
    vmcb_of(vcpu)->intercept1 &= ~INTERCEPT_IRET;
    vcpu->in_nmi = false;
    if (vcpu->nmi_pending)
        svm_step_iret(vcpu);
    return EXIT_IRET;
}

static enum exit_reason handle_shutdown(struct vcpu *vcpu)
{
    vm_stop(vcpu, true, "triple fault");
    return EXIT_SHUTDOWN;
}

static enum exit_reason handle_virt(struct vcpu *vcpu)
{
    exit_undefined(vcpu, "an instruction of SVM");
    return EXIT_VIRT;
}

static enum exit_reason handle_vmmcall(struct vcpu *vcpu)
{
    if (exit_hypercall(vcpu, vmcb_of(vcpu)->cpl))
        svm_advance(vcpu, LENGTH_CALL);
    return EXIT_HYPERCALL;
}

static enum exit_reason (*const exit_table[CODE_TABLE])(struct vcpu *vcpu) = {
    [0x61] = exit_nmi,       [0x72] = handle_cpuid, [0x74] = handle_iret,     [0x7a] = handle_virt,
    [0x7b] = handle_port,    [0x7c] = handle_msr,   [0x7f] = handle_shutdown, [0x80] = handle_virt,
    [0x81] = handle_vmmcall, [0x82] = handle_virt,  [0x83] = handle_virt,     [0x84] = handle_virt,
    [0x85] = handle_virt,    [0x86] = handle_virt,
};

static __attribute__((cold)) enum exit_reason handle_other(struct vcpu *vcpu, uint64_t code)
{
    const char *what = (uint32_t)code == CODE_INVALID ? "invalid processor state" : "unknown exit";
    log_error("vm \"%s\": %s (%lx) at %lx; the VM starts anew", vcpu->vm->config->name, what, code,
              vcpu->rip);
    vm_stop(vcpu, true, what);
    return EXIT_OTHER;
}

static enum exit_reason handle_listed(struct vcpu *vcpu, uint64_t code)
{
    if (code < CODE_TABLE && exit_table[code] != NULL)
        return exit_table[code](vcpu);
    if (code - CODE_EXCEPTION < CONTROL_EXCEPTIONS)
        return svm_handle_exception(vcpu, (unsigned)(code - CODE_EXCEPTION));
    enum exit_reason reason = svm_handle_control(vcpu, code);
    return reason != EXIT_OTHER ? reason : handle_other(vcpu, code);
}

/* While single-stepping: #DB is the step's end, anything else but an NMI ends it early. */
static __attribute__((cold)) enum exit_reason handle_stepping(struct vcpu *vcpu, uint64_t code)
{
    if (code == CODE_EXCEPTION + VECTOR_DB)
        return svm_step_end(vcpu);
    if (code == CODE_NMI)
        return exit_nmi(vcpu);
    bool interrupt = svm_look_is_interrupt(vcpu);
    svm_step_cancel(vcpu);
    if (interrupt)
        return svm_look_interrupt(vcpu);
    if (code == CODE_NESTED)
        return handle_nested(vcpu, true);
    if (code - CODE_EXCEPTION < CONTROL_EXCEPTIONS) {
        unsigned vector = (unsigned)(code - CODE_EXCEPTION); /* the step is off */
        enum exit_reason reason = svm_handle_exception(vcpu, vector);
        return (exit_exceptions(vcpu) & 1u << vector) != 0 ? reason : EXIT_STEP;
    }
    return handle_listed(vcpu, code);
}

static enum exit_reason handle(struct vcpu *vcpu, uint64_t code)
{
    if (vcpu->stepping)
        return handle_stepping(vcpu, code);
    return code == CODE_NESTED ? handle_nested(vcpu, false) : handle_listed(vcpu, code);
}

/* What goes in with the next entry: a fault first, then what was cut short, then an NMI. */
static void prepare_event(struct vcpu *vcpu, struct vmcb *vmcb)
{
    vmcb->event = 0;
    if (vcpu->event != 0) {
        vmcb->event = vcpu->event;
        vcpu->event = 0;
    } else if ((vmcb->exit_int_info & EVENT_VALID) != 0) {
        vmcb->event = vmcb->exit_int_info;
    } else if (vcpu->nmi_pending && !vcpu->in_nmi && !vcpu->stepping) {
        vmcb->event = EVENT_NMI;
        vmcb->intercept1 |= INTERCEPT_IRET;
        vcpu->nmi_pending = false;
        vcpu->in_nmi = true;
    }
}

/* Back with the next exit. The guest's registers pass through the processor's: none is kept. */
static inline void enter(struct vcpu *vcpu, struct vmcb *vmcb)
{
    struct registers *regs = &vcpu->regs;
    uint64_t block = (uint64_t)vmcb;
    uint64_t host_state = (uint64_t)vcpu->cpu->host_state;
    __asm__ volatile("call svm_enter"
                     : "+D"(regs), "+S"(block), "+d"(host_state)
                     :
                     : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "memory", "cc");
}

void svm_run(struct vcpu *vcpu)
{
    struct vmcb *vmcb = vmcb_of(vcpu);
    do {
        prepare_event(vcpu, vmcb);
        enter(vcpu, vmcb);
        vmcb->tlb_control = TLB_FLUSH_NONE;
        vcpu->regs.rax = vmcb->rax;
        vcpu->rip = vmcb->rip;
        vcpu_count(vcpu, handle(vcpu, vmcb->exit_code));
        vmcb->rax = vcpu->regs.rax;
        vmcb->rip = vcpu->rip;
    } while (vcpu->state == VCPU_RUNNING && vcpu->cpu->nmi_seen == 0);
}
